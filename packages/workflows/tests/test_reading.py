import pytest

from botserver_workflows.errors import TemplateError
from botserver_workflows.reading import read_template
from botserver_workflows.template import Backoff, Lifecycle, RetryPolicy, StalenessAction, StepTemplate, StepType

WHOLE = """
name: approval
namespace_name: shop
version: 1.2.0
description: Who has to agree.
metadata: {author: Anna, created_at: 2030-01-01}
task_handler: {callable: shop.approval}
input_schema:
  type: object
  required: [amount]
  properties: {amount: {type: number}}
steps:
  - name: finish
    type: deferred
    handler: {callable: shop.finish}
    dependencies: [manager, automatic]
  - name: decide
    step_type: decision
    handler: {callable: shop.decide, initialization: {limit: 1000}}
  - name: manager
    handler: {callable: shop.ask}
    dependencies: [decide]
    retry: {retryable: true, max_attempts: 5, backoff: fibonacci, backoff_base_ms: 500, max_backoff_ms: 60000}
    timeout_seconds: 45
  - name: automatic
    handler: {callable: shop.agree}
    dependencies: [decide]
lifecycle: {max_duration_minutes: 10, staleness_action: error}
environments:
  test:
    steps:
      - {name: ALL, timeout_seconds: 10, retry: {max_attempts: 2}}
      - {name: manager, handler: {callable: shop.ask_nobody}}
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(TemplateError) as caught:
        read_template(text, "shop.yaml")
    return caught.value.problems


def test_a_whole_template_is_read_with_parents_first() -> None:
    template = read_template(WHOLE, "shop.yaml")
    assert (template.namespace, template.name, template.version) == ("shop", "approval", "1.2.0")
    assert template.steps == (
        StepTemplate("decide", "shop.decide", type=StepType.DECISION, initialization={"limit": 1000}),
        StepTemplate(
            "manager",
            "shop.ask",
            ("decide",),
            retry=RetryPolicy(True, 5, Backoff.FIBONACCI, 500, 60_000),
            timeout_seconds=45,
        ),
        StepTemplate("automatic", "shop.agree", ("decide",)),
        StepTemplate("finish", "shop.finish", ("manager", "automatic"), StepType.DEFERRED),
    )
    assert template.lifecycle == Lifecycle(max_duration_minutes=10, staleness_action=StalenessAction.ERROR)
    assert template.metadata == {"author": "Anna", "created_at": "2030-01-01"}
    assert template.input_schema["required"] == ["amount"]


def test_an_environment_changes_some_steps_or_all() -> None:
    template = read_template(WHOLE, "shop.yaml", environment="test")
    assert {step.timeout_seconds for step in template.steps} == {10}
    assert {step.retry.max_attempts for step in template.steps} == {2}
    assert template.by_name["manager"].handler == "shop.ask_nobody"
    assert template.by_name["manager"].retry.backoff is Backoff.FIBONACCI
    assert template.checksum != read_template(WHOLE, "shop.yaml").checksum


def test_the_checksum_tells_the_content_and_not_its_form() -> None:
    template = read_template(WHOLE, "shop.yaml")
    assert template.checksum == read_template(f"# other form\n\n{WHOLE}", "other.yaml").checksum
    assert template.checksum != read_template(WHOLE.replace("timeout_seconds: 45", "timeout_seconds: 46"), "").checksum


def test_every_problem_is_told_with_its_line() -> None:
    text = """name: broken
namespace_name: shop
steps:
  - name: a
    handler: {callable: x, initialisation: {}}
    depends: [b]
    retry: {max_attempts: -1, backoff: quadratic}
  - handler: {}
"""
    assert problems(text) == (
        "shop.yaml:5: steps.0.handler.initialisation is not known. Did you mean initialization?",
        "shop.yaml:7: steps.0.retry.max_attempts: Input should be greater than or equal to 0.",
        "shop.yaml:7: steps.0.retry.backoff: Input should be 'none', 'linear', 'exponential' or 'fibonacci'.",
        "shop.yaml:6: steps.0.depends is not known. Did you mean dependencies?",
        "shop.yaml:8: steps.1.name is missing.",
        "shop.yaml:8: steps.1.handler.callable is missing.",
    )


def test_steps_that_do_not_fit_together_are_told() -> None:
    text = """name: broken
namespace_name: shop
input_schema: {type: objekt}
steps:
  - {name: load, handler: {callable: x}}
  - {name: load, handler: {callable: x}, dependencies: [lod]}
environments:
  test:
    steps:
      - {name: store, timeout_seconds: 1}
"""
    assert problems(text) == (
        "shop.yaml:6: there is another step named load. Rename one.",
        "shop.yaml:6: load waits for lod, which is no step. Did you mean load?",
        "shop.yaml:10: test changes store, which is no step.",
        "shop.yaml:3: input_schema is no JSON Schema: 'objekt' is not valid under any of the given schemas.",
    )


def test_steps_that_wait_for_each_other_are_told_as_a_ring() -> None:
    text = """name: broken
namespace_name: shop
steps:
  - {name: a, handler: {callable: x}, dependencies: [c]}
  - {name: b, handler: {callable: x}, dependencies: [a]}
  - {name: c, handler: {callable: x}, dependencies: [b]}
"""
    (problem,) = problems(text)
    place, _, story = problem.partition(": steps wait for each other: ")
    ring = story.removesuffix(". Remove one of these.").split(" waits for ")
    assert place.startswith("shop.yaml:")
    assert ring[0] == ring[-1]
    assert {(ring[index], ring[index + 1]) for index in range(3)} == {("a", "c"), ("c", "b"), ("b", "a")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "shop.yaml:1: a template is a table of keys, such as name: and steps:."),
        ("- a", "shop.yaml:1: a template is a table of keys, such as name: and steps:."),
        ("name: a\nsteps: [", "shop.yaml:2: this is no YAML: expected the node content, but found '<stream end>'."),
        ("name: a\nname: b", "shop.yaml:2: name is given twice. Keep one of the two."),
    ],
)
def test_what_is_no_template_at_all_is_told(text: str, expected: str) -> None:
    assert problems(text) == (expected,)


def test_tags_of_yaml_that_make_objects_are_refused() -> None:
    (problem,) = problems("name: !!python/object/apply:os.system ['true']\n")
    assert problem.startswith("shop.yaml:1: this is no YAML: could not determine a constructor for the tag")
