package surge

import (
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept in microseconds, to three digits, up to ten minutes.
const (
	mostLatency = int64(10 * time.Minute / time.Microsecond)
	digitsKept  = 3
)

// records is what was measured so far. It is safe for concurrent use.
type records struct {
	names []string

	mu       sync.Mutex
	steps    []stepRecord     // guarded by mu
	failures map[string]int64 // guarded by mu
	series   []Point          // guarded by mu
	from     time.Duration    // when the present second began; guarded by mu
}

type stepRecord struct {
	all, second *hdrhistogram.Histogram // second is what all does not have yet
	errors      int64
	lastErrors  int64 // at the end of the last second
}

func newRecords(names []string) *records {
	r := &records{names: names, failures: make(map[string]int64)}
	for range names {
		r.steps = append(r.steps, stepRecord{
			all: hdrhistogram.New(1, mostLatency, digitsKept), second: hdrhistogram.New(1, mostLatency, digitsKept),
		})
	}
	return r
}

// add takes one answer.
func (r *records) add(a *Answer) {
	took := min(max(int64((a.Done-a.Meant)/time.Microsecond), 1), mostLatency)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.steps[a.Step]
	_ = s.second.RecordValue(took) // within the bounds
	if failed := failure(a); failed != "" {
		s.errors++
		r.failures[failed]++
	}
}

// failure classifies what went wrong, or returns "".
func failure(a *Answer) string {
	var timeout net.Error
	switch {
	case a.Err == nil && (a.Status < 400 || a.Fine):
		return ""
	case a.Err == nil:
		return "http_" + strconv.Itoa(a.Status)
	case errors.As(a.Err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(a.Err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(a.Err, io.ErrUnexpectedEOF), errors.Is(a.Err, syscall.ECONNRESET), errors.Is(a.Err, syscall.EPIPE):
		return "cut"
	case errors.Is(a.Err, ErrAnswer):
		return "bad_answer"
	}
	return "other"
}

// cut ends the present second, if it is over or if it must end now.
func (r *records) cut(now time.Duration, end bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	length := now - r.from
	if length < time.Second && (!end || length <= 0) {
		return
	}
	p := Point{At: seconds(r.from), Seconds: seconds(length), Steps: make([]PointStep, len(r.steps))}
	r.from = now
	for i := range r.steps {
		s := &r.steps[i]
		p.Steps[i] = PointStep{
			Requests: s.second.TotalCount(), Errors: s.errors - s.lastErrors,
			P50: ms(s.second.ValueAtQuantile(50)), P99: ms(s.second.ValueAtQuantile(99)), Max: ms(s.second.Max()),
		}
		s.all.Merge(s.second)
		s.second.Reset()
		s.lastErrors = s.errors
	}
	r.series = append(r.series, p)
}

// summary is the figures of each step that anybody took. The second that is not over counts too.
func (r *records) summary() []Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Step
	for i := range r.steps {
		s := &r.steps[i]
		h := s.all
		if s.second.TotalCount() > 0 {
			h = s.all.Clone()
			h.Merge(s.second)
		}
		out = append(out, summarise(r.names[i], h, s.errors))
	}
	return out
}

func summarise(name string, h *hdrhistogram.Histogram, errors int64) Step {
	q := func(p float64) float64 { return ms(h.ValueAtQuantile(p)) }
	s := Step{
		Name: name, Requests: h.TotalCount(), Errors: errors,
		P50: q(50), P90: q(90), P95: q(95), P99: q(99), P999: q(99.9), Max: ms(h.Max()), Mean: h.Mean() / 1000,
	}
	if s.Requests == 0 {
		s.Mean = 0
	}
	return s
}

// distribution is how latencies of a step spread, for a chart.
func (r *records) distribution(step int) []Quantile {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.steps[step].all
	if h.TotalCount() == 0 {
		return nil
	}
	var out []Quantile
	for _, b := range h.CumulativeDistributionWithTicks(4) {
		out = append(out, Quantile{Percent: b.Quantile, MS: ms(b.ValueAt)})
	}
	return slices.CompactFunc(out, func(a, b Quantile) bool { return a == b })
}

func ms(us int64) float64 { return float64(us) / 1000 }

func seconds(d time.Duration) float64 { return d.Seconds() }
