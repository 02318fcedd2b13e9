"""What has to happen in one step and is no command of its own. Each script names its key in KEYS[1]."""

from __future__ import annotations

from hashlib import sha1
from typing import NamedTuple


class Script(NamedTuple):
    """A script, and the digest by which a server that knows it runs it."""

    text: str
    digest: str


def _script(text: str) -> Script:
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


#: Adds ARGV[1]; only a key that was absent begins to live for ARGV[2] milliseconds. The sum is returned as text,
#: because numbers of Lua hold 53 bits.
INCREMENT = _script("""\
local absent = redis.call('EXISTS', KEYS[1]) == 0
redis.call('INCRBY', KEYS[1], ARGV[1])
if absent then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('GET', KEYS[1])
""")

#: Puts ARGV[3] in for ARGV[4] milliseconds ('' is for ever) if the key has the value ARGV[2], or with
#: ARGV[1] = 'absent' if it has none. Returns whether it was so.
COMPARE_AND_SET = _script("""\
local current = redis.call('GET', KEYS[1])
if ARGV[1] == 'absent' then
  if current then return 0 end
elseif current ~= ARGV[2] then
  return 0
end
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
return 1
""")

#: Removes the key if its value is ARGV[1]. Returns how many keys were removed.
DELETE_IF = _script("""\
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
""")

#: Takes over up to ARGV[4] entries that were pending in group ARGV[1] for ARGV[3] milliseconds or longer, for consumer
#: ARGV[2], oldest first. Returns id, data and deliveries of each; entries that were trimmed away are acknowledged.
CLAIM = _script("""\
local group, consumer, idle, wanted = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local claimed, start = {}, '-'
while #claimed < wanted do
  local page = wanted - #claimed
  local pending = redis.call('XPENDING', KEYS[1], group, 'IDLE', idle, start, '+', page)
  for _, it in ipairs(pending) do
    local entry = redis.call('XCLAIM', KEYS[1], group, consumer, idle, it[1])[1]
    if entry then
      table.insert(claimed, {entry[1], entry[2][2], it[4] + 1})
    else
      redis.call('XACK', KEYS[1], group, it[1])
    end
    start = '(' .. it[1]
  end
  if #pending < page then break end
end
return claimed
""")
