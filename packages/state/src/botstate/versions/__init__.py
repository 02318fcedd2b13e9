"""The revisions of the tables that botstate itself keeps. The branch is named `database`."""
