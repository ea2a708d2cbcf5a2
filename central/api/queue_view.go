package api

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
)

// appendPlace appends a place as JSON. Nothing in it needs escaping: tokens and
// receipts are base64url, states are words.
func appendPlace(b []byte, p *queue.Place, receipt string) []byte {
	b = append(b, `{"state":"`...)
	b = append(b, p.State.String()...)
	if p.Reason != "" {
		b = append(b, `","reason":"`...)
		b = append(b, p.Reason...)
	}
	b = append(b, `","token":"`...)
	b = append(b, p.Token[:]...)
	b = append(b, `","number":`...)
	b = strconv.AppendUint(b, uint64(p.Number), 10)
	b = append(b, `,"position":`...)
	b = strconv.AppendUint(b, uint64(p.Position), 10)
	b = append(b, `,"ahead":`...)
	b = strconv.AppendUint(b, uint64(p.Ahead()), 10)
	b = append(b, `,"people":`...)
	b = strconv.AppendUint(b, uint64(p.People), 10)
	b = append(b, `,"retry_ms":`...)
	b = strconv.AppendInt(b, p.Retry.Milliseconds(), 10)
	if p.State == queue.Lobby {
		b = appendTime(append(b, `,"opens":`...), p.Opens)
	}
	if p.Earliest.IsZero() {
		b = append(b, `,"eta":null`...)
	} else {
		b = appendTime(append(b, `,"eta":{"earliest":`...), p.Earliest)
		b = appendTime(append(b, `,"latest":`...), p.Latest)
		b = append(b, '}')
	}
	if p.State == queue.Admitted {
		b = append(b, `,"admission":{"token":"`...)
		b = append(b, p.Admission[:]...)
		b = append(appendTime(append(b, `","expires":`...), p.Expires), '}')
	}
	if receipt != "" {
		b = append(b, `,"receipt":"`...)
		b = append(b, receipt...)
		b = append(b, '"')
	}
	return append(b, '}')
}

// appendTime appends a time in UTC, to the second, in quotes.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	return append(b, '"')
}

// streamTimes lifts the time limits of an ordinary request.
func streamTimes(out *http.ResponseController) error {
	err := errors.Join(out.SetReadDeadline(time.Time{}), out.SetWriteDeadline(time.Time{}))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// workView is the proof of work that is due.
type workView struct {
	Bits    int    `json:"bits"`
	Purpose string `json:"purpose"`
	Bucket  uint64 `json:"bucket"`
}

// queueInfoView is what anybody may know.
type queueInfoView struct {
	Event        ticket.EventID `json:"event"`
	Opens        time.Time      `json:"opens"`
	Open         bool           `json:"open"`
	Sealed       bool           `json:"sealed"`
	Paused       bool           `json:"paused"`
	Closed       bool           `json:"closed"`
	People       uint32         `json:"people"`
	Commitment   string         `json:"commitment"`
	Key          string         `json:"key"`
	BeaconSource string         `json:"beacon_source"`
	Beacon       string         `json:"beacon"`
	Work         *workView      `json:"work"`
}

func (a *API) queueInfo(_ context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	i, err := a.cfg.Queue.Info(event)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.infoView(&i), nil
}

func (a *API) infoView(i *queue.Info) queueInfoView {
	v := queueInfoView{
		Event: i.Event, Opens: i.Settings.Opens.UTC(), Open: i.Open, Sealed: i.Sealed, Paused: i.Settings.Paused, Closed: i.Settings.Closed,
		People: i.Waiting, Commitment: hex.EncodeToString(i.Commitment[:]), Key: i.Key,
		BeaconSource: i.Settings.BeaconSource, Beacon: i.Beacon,
	}
	if i.Settings.WorkBits > 0 {
		v.Work = &workView{Bits: i.Settings.WorkBits, Purpose: queue.WorkPurpose(i.Event), Bucket: queue.WorkBucket(a.cfg.Now())}
	}
	return v
}

// queueBody is what an organiser says about a room. What is left out keeps its
// value, or has the default in a new room.
type queueBody struct {
	Opens        *time.Time `json:"opens"`
	Rate         *int       `json:"rate_per_minute"`
	Paused       *bool      `json:"paused"`
	Closed       *bool      `json:"closed"`
	WorkBits     *int       `json:"work_bits"`
	Admission    *int       `json:"admission_minutes"`
	Silence      *int       `json:"silence_seconds"`
	Grace        *int       `json:"grace_seconds"`
	BeaconSource *string    `json:"beacon_source"`
}

// queueRoomView is what the organiser sees.
type queueRoomView struct {
	queueInfoView
	Rate      int             `json:"rate_per_minute"`
	WorkBits  int             `json:"work_bits"`
	Admission int             `json:"admission_minutes"`
	Silence   int             `json:"silence_seconds"`
	Grace     int             `json:"grace_seconds"`
	Counts    queueCountsView `json:"counts"`
}

type queueCountsView struct {
	Entered uint64  `json:"entered"`
	Waiting uint32  `json:"waiting"`
	Passed  uint64  `json:"passed"`
	Skipped uint64  `json:"skipped"`
	Back    uint64  `json:"back"`
	Left    uint64  `json:"left"`
	Fast    float64 `json:"per_second_at_best"`
	Slow    float64 `json:"per_second_at_worst"`
}

func (a *API) roomView(i *queue.Info) queueRoomView {
	return queueRoomView{
		queueInfoView: a.infoView(i), Rate: i.Settings.Rate, WorkBits: i.Settings.WorkBits,
		Admission: int(i.Settings.Admission / time.Minute), Silence: int(i.Settings.Silence / time.Second), Grace: int(i.Settings.Grace / time.Second),
		Counts: queueCountsView{
			Entered: i.Counts.Numbers, Waiting: i.Waiting, Passed: i.Counts.Passed, Skipped: i.Counts.Skipped,
			Back: i.Counts.Back, Left: i.Counts.Left, Fast: i.Fast, Slow: i.Slow,
		},
	}
}

func (a *API) queueRoom(_ context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	i, err := a.cfg.Queue.Info(event)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.roomView(&i), nil
}

func (a *API) putQueue(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	var b queueBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	s := queue.DefaultSettings()
	switch old, err := a.cfg.Queue.Info(event); {
	case err == nil:
		s = old.Settings
	case !errors.Is(err, queue.ErrNoRoom):
		return 0, nil, err
	default:
		if _, err := a.cfg.Till.Rules(ctx, event); err != nil { // no such event
			return 0, nil, err
		}
		if b.Opens == nil {
			return 0, nil, &detailError{code: "invalid_request", detail: "a new waiting room needs opens", hint: "send opens, a time in RFC 3339"}
		}
	}
	b.onto(&s)
	i, err := a.cfg.Queue.Put(ctx, event, s)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.roomView(&i), nil
}

// onto puts what was said over the settings. A number that is too large for a
// duration is out of bounds in any case.
func (b *queueBody) onto(s *queue.Settings) {
	set(&s.Opens, b.Opens)
	set(&s.Rate, b.Rate)
	set(&s.Paused, b.Paused)
	set(&s.Closed, b.Closed)
	set(&s.WorkBits, b.WorkBits)
	set(&s.BeaconSource, b.BeaconSource)
	s.Opens = s.Opens.Truncate(time.Millisecond)
	for _, d := range []struct {
		to   *time.Duration
		n    *int
		unit time.Duration
	}{{&s.Admission, b.Admission, time.Minute}, {&s.Silence, b.Silence, time.Second}, {&s.Grace, b.Grace, time.Second}} {
		if d.n != nil {
			*d.to = time.Duration(min(max(*d.n, -1), 1e6)) * d.unit
		}
	}
}

func set[T any](to, v *T) {
	if v != nil {
		*to = *v
	}
}

type beaconBody struct {
	Beacon string `json:"beacon"`
}

func (a *API) queueBeacon(ctx context.Context, c *gin.Context) (int, any, error) {
	event, err := eventParam(c)
	if err != nil {
		return 0, nil, err
	}
	var b beaconBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	i, err := a.cfg.Queue.Announce(ctx, event, b.Beacon)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.roomView(&i), nil
}

// addQueue adds a waiting room to the figures.
func (s *stocktaking) addQueue(i *queue.Info) {
	event := i.Event.String()
	s.add(s.waiting, float64(i.Waiting), event)
	for what, n := range map[string]uint64{
		"entered": i.Counts.Numbers, "passed": i.Counts.Passed, "skipped": i.Counts.Skipped, "back": i.Counts.Back, "left": i.Counts.Left,
	} {
		s.add(s.people, float64(n), event, what)
	}
	s.add(s.pace, i.Fast, event, "best")
	s.add(s.pace, i.Slow, event, "worst")
}
