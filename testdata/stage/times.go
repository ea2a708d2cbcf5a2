package stage

import (
	"errors"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// moveTimes rewrites a plan so that the doors opened an hour before now.
func moveTimes(plan map[string]any, now time.Time) (ticket.EventID, error) {
	event, ok := plan["event"].(map[string]any)
	if !ok {
		return 0, errors.New("no event in the plan")
	}
	id, ok := event["id"].(float64)
	if !ok {
		return 0, errors.New("the event has no id")
	}
	for key, offset := range map[string]time.Duration{
		"doors": -time.Hour, "starts": time.Hour, "ends": 4 * time.Hour,
	} {
		event[key] = now.Add(offset).UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	return ticket.EventID(id), nil
}
