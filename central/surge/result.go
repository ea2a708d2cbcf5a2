package surge

import (
	"maps"
	"time"
)

// Result is what a surge measured. It is what --json writes.
type Result struct {
	Format      string  `json:"format"` // ResultFormat
	Profile     string  `json:"profile,omitempty"`
	URL         string  `json:"url"`
	Event       string  `json:"event,omitempty"`
	People      int     `json:"people"`
	Connections int     `json:"connections"`
	Seed        uint64  `json:"seed"`
	RampSeconds float64 `json:"ramp_seconds"`

	Began time.Time `json:"began"`
	Took  float64   `json:"took_seconds"`

	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"` // answers that did not come, and refusals that nobody had to expect
	Unsent   int64 `json:"unsent"` // requests that were due and found no connection in time; not among Requests

	Failures map[string]int64 `json:"failures"` // errors by kind
	Counts   map[string]int64 `json:"counts"`   // what the profile counted

	Steps  []Step  `json:"steps"`
	Series []Point `json:"series"`
}

// ResultFormat names the shape of [Result].
const ResultFormat = "conting-surge/1"

// Step is one kind of request. Latencies are milliseconds from the moment at which a request was meant to
// be sent to the end of its answer; errors count like any other.
type Step struct {
	Name     string  `json:"name"`
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	P50      float64 `json:"p50"`
	P90      float64 `json:"p90"`
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
	P999     float64 `json:"p999"`
	Max      float64 `json:"max"`
	Mean     float64 `json:"mean"`

	Distribution []Quantile `json:"distribution,omitempty"`
}

// Quantile says that Percent in a hundred took at most MS milliseconds.
type Quantile struct {
	Percent float64 `json:"percent"`
	MS      float64 `json:"ms"`
}

// Point is about one second of a surge.
type Point struct {
	At      float64     `json:"at"` // seconds after the beginning
	Seconds float64     `json:"seconds"`
	Steps   []PointStep `json:"steps"` // in the order of Result.Steps
}

// PointStep is what was answered of one step in that second.
type PointStep struct {
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
}

// Snapshot is how far a surge is.
type Snapshot struct {
	Elapsed, Total time.Duration
	Open           int // people who are not done
	People         int
	Due            int // requests that wait for a connection
	Steps          []Step
}

// Counter is a [Crowd] that counts things of its own.
type Counter interface {
	Counts() map[string]int64
}

func (r *run) snapshot() Snapshot {
	return Snapshot{
		Elapsed: r.since(), Total: r.cfg.Duration, Open: int(r.open.Load()), People: r.cfg.People,
		Due: len(r.ready), Steps: r.records.summary(),
	}
}

func (r *run) result() *Result {
	res := &Result{
		Format: ResultFormat, URL: r.cfg.URL, People: r.cfg.People, Connections: r.cfg.Connections, Seed: r.cfg.Seed,
		RampSeconds: r.cfg.Ramp.Seconds(), Began: r.began.UTC(), Took: r.since().Seconds(), Unsent: r.unsent.Load(),
		Steps: r.records.summary(), Series: r.records.series, Failures: maps.Clone(r.records.failures),
	}
	for i := range res.Steps {
		res.Steps[i].Distribution = r.records.distribution(i)
		res.Requests += res.Steps[i].Requests
		res.Errors += res.Steps[i].Errors
	}
	if c, ok := r.crowd.(Counter); ok {
		res.Counts = c.Counts()
	}
	return res
}
