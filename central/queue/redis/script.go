package redis

import (
	"context"

	client "github.com/redis/go-redis/v9"
)

// head begins every script of control keys: it learns the reign, the id that a
// master has made up when it became one. A server that is none, or is none any
// more, is refused, for its replication id is another's.
const head = `
local info = redis.call('INFO', 'replication')
if not string.find(info, 'role:master', 1, true) then return redis.error_reply('READONLY no master') end
local reign = string.match(info, 'master_replid:(%x+)')
if not reign then return redis.error_reply('ERR the server does not tell its replication id') end
`

var (
	// identify returns the reign.
	identify = client.NewScript(head + `return reign`)

	// draw takes numbers: KEYS room, lock; ARGV count, floor (no number up to it is
	// free), low (fetch ahead below so many), token, lock's and room's time in ms.
	// Returns status (0 another reign, 1 too few, 2 drawn), last, limit, reign, and
	// whether the caller is to get a range.
	draw = client.NewScript(head + `
local s = redis.call('HMGET', KEYS[1], 'reign', 'last', 'limit')
local last, limit = tonumber(s[2] or 0), tonumber(s[3] or 0)
if s[1] ~= reign then return {0, last, limit, reign, 0} end
local count, floor = tonumber(ARGV[1]), tonumber(ARGV[2])
local to, status, fetch = math.max(last, floor) + count, 2, 0
if to > limit then
  status = 1
elseif to > last then
  last = to
  redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last))
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
if (status == 1 or limit - last < tonumber(ARGV[3])) and redis.call('SET', KEYS[2], ARGV[4], 'NX', 'PX', ARGV[5]) then fetch = 1 end
return {status, last, limit, reign, fetch}`)

	// crown begins a reign: KEYS room, lock; ARGV reign, mark, the room's time. Nothing is
	// at hand then, and the last number is the largest that can ever have been
	// issued.
	crown = client.NewScript(head + `
if reign ~= ARGV[1] then return 0 end
local s = redis.call('HMGET', KEYS[1], 'reign', 'last')
if s[1] == reign then return 0 end
local last = string.format('%.0f', math.max(tonumber(s[2] or 0), tonumber(ARGV[2])))
redis.call('HSET', KEYS[1], 'reign', reign, 'last', last, 'limit', last)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('DEL', KEYS[2]) -- a range for the reign that ended is no use
return 1`)

	// extend adds a range that is the caller's alone: KEYS room, lock; ARGV reign, the
	// number before the range, its last, token. A range that follows on what is at
	// hand continues it; one farther ahead takes its place.
	extend = client.NewScript(head + `
local done = 0
local s = redis.call('HMGET', KEYS[1], 'reign', 'limit')
if reign == ARGV[1] and s[1] == reign then
  local before, to, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(s[2])
  if before > limit then redis.call('HSET', KEYS[1], 'last', ARGV[2]) end
  if to > limit then
    redis.call('HSET', KEYS[1], 'limit', ARGV[3])
    done = 1
  end
end
if redis.call('GET', KEYS[2]) == ARGV[4] then redis.call('DEL', KEYS[2]) end
return done`)

	// release gives up getting a range: KEYS lock; ARGV token.
	release = client.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

	// give gives a person a number: KEYS bucket; ARGV field, number, the number it may
	// replace, 1 if it is restored, the bucket's time. Returns the person's number, or
	// 0 where the lobby was closed before.
	give = client.NewScript(`
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and old ~= ARGV[3] then return tonumber(old) end
if ARGV[4] == '0' then
  local seal = redis.call('HGET', KEYS[1], 's')
  if seal and tonumber(ARGV[2]) <= tonumber(seal) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('HLEN', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return tonumber(ARGV[2])`)

	// seal closes a bucket for numbers and reads it: KEYS bucket; ARGV number, the
	// bucket's time.
	seal = client.NewScript(`
local old = redis.call('HGET', KEYS[1], 's')
if tonumber(old or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 's', ARGV[1])
  if redis.call('HLEN', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
end
return redis.call('HGETALL', KEYS[1])`)

	// look reads a room: KEYS room, log; ARGV from, to. Returns reign, the room's
	// reign, last, the log's length, its entries.
	look = client.NewScript(head + `
local s = redis.call('HMGET', KEYS[1], 'reign', 'last')
return {reign, s[1] or '', tonumber(s[2] or 0), redis.call('LLEN', KEYS[2]), redis.call('LRANGE', KEYS[2], ARGV[1], ARGV[2])}`)

	// heard notes who was heard of here, and returns what others noted: KEYS here;
	// ARGV self, window, how long a note counts, all in ms by the server's clock.
	heard = client.NewScript(`
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ':' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], 10 * ARGV[3])
local all, out = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local colon = string.find(all[i + 1], ':', 1, true)
  local age = now - tonumber(string.sub(all[i + 1], 1, colon - 1))
  if age > tonumber(ARGV[3]) or age < -tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then
    out[#out + 1] = string.sub(all[i + 1], colon + 1)
  end
end
return out`)
)

// chunk is how many commands travel together.
const chunk = 1024

// call is one of many runs of a script.
type call struct {
	key  string
	args []any
}

// runAll runs a script once for each call, in no order, many at a time. A server that does not
// know the script yet is taught by the way.
func (e *Engine) runAll(ctx context.Context, s *client.Script, calls []call, each func(i int, c *client.Cmd) error) error {
	for from := 0; from < len(calls); from += chunk {
		part := calls[from:min(from+chunk, len(calls))]
		done := make([]*client.Cmd, len(part))
		// What fails is looked at one by one; Exec only repeats the first.
		_, _ = e.rdb.Pipelined(ctx, func(p client.Pipeliner) error {
			for i, c := range part {
				done[i] = s.EvalSha(ctx, p, []string{c.key}, c.args...)
			}
			return nil
		})
		_, _ = e.rdb.Pipelined(ctx, func(p client.Pipeliner) error {
			for i, c := range part {
				if client.HasErrorPrefix(done[i].Err(), "NOSCRIPT") {
					done[i] = s.Eval(ctx, p, []string{c.key}, c.args...)
				}
			}
			return nil
		})
		for i, c := range done {
			if err := each(from+i, c); err != nil {
				return err
			}
		}
	}
	return nil
}
