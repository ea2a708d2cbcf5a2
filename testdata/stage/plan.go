package stage

import (
	"errors"
	"time"

	"github.com/con-ting/conting/sync/ticket"
)

// adapt rewrites a plan so that the doors opened an hour before now, it leaves the
// relying party to central and, unless it is 0, so many people fit where they
// stand.
func adapt(plan map[string]any, now time.Time, standing int) (ticket.EventID, error) {
	venue, ok := plan["venue"].(map[string]any)
	if !ok {
		return 0, errors.New("no venue in the plan")
	}
	zones, _ := venue["zones"].([]any)
	for _, z := range zones {
		zone, ok := z.(map[string]any)
		if _, stands := zone["standing"]; ok && stands && standing > 0 {
			zone["standing"] = standing
		}
	}
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
	delete(event, "relying_party")
	return ticket.EventID(id), nil
}

// another makes an adapted plan one of another show, before which orders may be given
// back.
func another(plan map[string]any, id ticket.EventID, doors time.Time) error {
	event, ok := plan["event"].(map[string]any)
	if !ok {
		return errors.New("no event in the plan")
	}
	event["id"] = id
	event["sale"] = map[string]any{"method": "first_come", "refund_until": doors.Add(-time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)}
	return nil
}
