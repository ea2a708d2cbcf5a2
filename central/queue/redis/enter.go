package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	client "github.com/redis/go-redis/v9"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// attempts is how often an Enter draws anew because a lobby was closed meanwhile.
// Each closing can refuse a draw once, and a room has few.
const attempts = 8

// person is one key of an Enter.
type person struct {
	queue.Entry
	bucket string
	field  string
	number uint32 // 0 while unknown
	offer  uint32 // what give offers: drawn, or what they had
}

// fold makes one person of each key, in the order of their first entry, and says
// which person each entry is.
func (e *Engine) fold(event ticket.EventID, entries []queue.Entry) (people []person, of []int) {
	people, of = make([]person, 0, len(entries)), make([]int, len(entries))
	seen := make(map[queue.Key]int, len(entries))
	for i, entry := range entries {
		at, ok := seen[entry.Key]
		if !ok {
			at = len(people)
			seen[entry.Key] = at
			bucket, field := split(entry.Key)
			people = append(people, person{Entry: queue.Entry{Key: entry.Key}, bucket: e.bucketKey(event, bucket), field: field})
		}
		p := &people[at]
		p.Had, p.Instead, of[i] = max(p.Had, entry.Had), max(p.Instead, entry.Instead), at
	}
	for i := range people {
		// What counts no more is not restored.
		if people[i].Had <= people[i].Instead {
			people[i].Had = 0
		}
	}
	return people, of
}

// Enter implements [queue.Engine].
func (e *Engine) Enter(ctx context.Context, event ticket.EventID, entries []queue.Entry) ([]uint32, error) {
	for _, entry := range entries {
		if entry.Key == (queue.Key{}) || entry.Had > queue.MaxPeople {
			return nil, fmt.Errorf("redis: enter: nobody's key or number %d", entry.Had)
		}
	}
	people, of := e.fold(event, entries)
	if err := e.find(ctx, people); err != nil {
		return nil, err
	}
	for range attempts {
		waiting, err := e.offer(ctx, event, people)
		if err != nil {
			return nil, err
		}
		if len(waiting) == 0 {
			numbers := make([]uint32, len(entries))
			for i, at := range of {
				numbers[i] = people[at].number
			}
			return numbers, nil
		}
		if err := e.give(ctx, waiting); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("redis: enter: the lobby is being closed: %w", queue.ErrUnavailable)
}

// find looks up who has a number that counts.
func (e *Engine) find(ctx context.Context, people []person) error {
	for from := 0; from < len(people); from += chunk {
		part := people[from:min(from+chunk, len(people))]
		found := make([]*client.StringCmd, len(part))
		// What fails is looked at one by one; Exec only repeats the first.
		_, _ = e.rdb.Pipelined(ctx, func(p client.Pipeliner) error {
			for i := range part {
				found[i] = p.HGet(ctx, part[i].bucket, part[i].field)
			}
			return nil
		})
		for i, c := range found {
			text, err := c.Result()
			if errors.Is(err, client.Nil) {
				continue
			}
			if err != nil {
				return failed("look up", err)
			}
			n, err := number(text)
			if err != nil {
				return err
			}
			if n != part[i].Instead {
				part[i].number = n
			}
		}
	}
	return nil
}

// offer draws for everybody who needs a number, in order, and returns those who are
// to be given one.
func (e *Engine) offer(ctx context.Context, event ticket.EventID, people []person) ([]*person, error) {
	var waiting []*person
	count, floor := uint32(0), uint32(0)
	for i := range people {
		p := &people[i]
		if p.number != 0 {
			continue
		}
		waiting = append(waiting, p)
		if p.Had == 0 {
			count++
		}
		floor = max(floor, p.Had)
	}
	if len(waiting) == 0 {
		return nil, nil
	}
	last, err := e.draw(ctx, event, count, floor)
	if err != nil {
		return nil, err
	}
	next := last - count
	for _, p := range waiting {
		if p.offer = p.Had; p.Had == 0 {
			next++
			p.offer = next
		}
	}
	return waiting, nil
}

// give writes the offers down; whoever got another number meanwhile has that.
func (e *Engine) give(ctx context.Context, waiting []*person) error {
	calls := make([]call, len(waiting))
	for i, p := range waiting {
		restored := "0"
		if p.Had != 0 {
			restored = "1"
		}
		calls[i] = call{p.bucket, []any{p.field, p.offer, p.Instead, restored, e.cfg.Keep.Milliseconds()}}
	}
	return e.runAll(ctx, give, calls, func(i int, c *client.Cmd) error {
		n, err := c.Int64()
		switch {
		case err != nil:
			return failed("give a number", err)
		case n < 0 || n > queue.MaxPeople:
			return damaged("a number")
		}
		waiting[i].number = uint32(n)
		return nil
	})
}

// number reads one that give wrote.
func number(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 || n > queue.MaxPeople {
		return 0, damaged("a number")
	}
	return uint32(n), nil
}
