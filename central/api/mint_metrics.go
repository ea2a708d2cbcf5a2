package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/con-ting/conting/central/mint"
)

// minted counts what the mint's worker tells.
type minted struct {
	ended    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	signed   *prometheus.CounterVec
	trouble  *prometheus.CounterVec
	differ   prometheus.Gauge
	backlog  prometheus.Gauge
	oldest   prometheus.Gauge
	requests *prometheus.CounterVec
	answered *prometheus.HistogramVec
}

var _ mint.Observer = (*Metrics)(nil)

func newMinted() minted {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: namespace, Name: "mint_" + name, Help: help}
	}
	counter := func(name, help string, by ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), by)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
	}
	histogram := func(name, help string, buckets []float64, by ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "mint_" + name, Help: help, Buckets: buckets}, by)
	}
	return minted{
		ended:    counter("actions_ended_total", "Actions on tokens that ended: finalized, failed or dropped, by kind.", "kind", "state"),
		took:     histogram("action_seconds", "Time from when an action was wanted until it was final, by kind.", []float64{1, 2.5, 5, 10, 15, 20, 30, 60, 120, 300, 900, 3600}, "kind"),
		signed:   counter("signings_total", "How often the actions that ended had been signed, by kind.", "kind"),
		trouble:  counter("trouble_total", "Work on tokens that could not be done and is tried again, by what.", "what"),
		differ:   gauge("differences", "What the last comparison with the chain found to differ. Anything but 0 needs a person."),
		backlog:  gauge("backlog", "Actions that the worker had before it in its last round."),
		oldest:   gauge("oldest_seconds", "How long ago the oldest of them was wanted."),
		requests: counter("node_requests_total", "Requests to nodes, by node, method and whether the answer was of use.", "node", "method", "result"),
		answered: histogram("node_seconds", "Time of requests to nodes, by node.", []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "node"),
	}
}

func (m minted) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.ended, m.took, m.signed, m.trouble, m.differ, m.backlog, m.oldest, m.requests, m.answered}
}

// Balance implements [mint.Observer]. What the payer has is read from the worker's
// status: that of a central which has led does not stay behind.
func (m *Metrics) Balance(uint64, bool) {}

// Ended implements [mint.Observer].
func (m *Metrics) Ended(kind mint.Kind, state mint.State, took time.Duration, attempts int) {
	m.mint.ended.WithLabelValues(string(kind), string(state)).Inc()
	m.mint.signed.WithLabelValues(string(kind)).Add(float64(attempts))
	if state == mint.Finalized {
		m.mint.took.WithLabelValues(string(kind)).Observe(took.Seconds())
	}
}

// Backlog implements [mint.Observer].
func (m *Metrics) Backlog(actions int, oldest time.Duration) {
	m.mint.backlog.Set(float64(actions))
	m.mint.oldest.Set(oldest.Seconds())
}

// Rested says that the worker runs here no longer.
func (m *Metrics) Rested() {
	m.Backlog(0, 0)
	m.Differences(0)
}

// Trouble implements [mint.Observer].
func (m *Metrics) Trouble(what string) { m.mint.trouble.WithLabelValues(what).Inc() }

// Differences implements [mint.Observer].
func (m *Metrics) Differences(n int) { m.mint.differ.Set(float64(n)) }

// NodeAsked counts a request to a node of the cluster, which is named by host and
// port.
func (m *Metrics) NodeAsked(method, node string, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "useless"
	}
	m.mint.requests.WithLabelValues(node, method, result).Inc()
	m.mint.answered.WithLabelValues(node).Observe(took.Seconds())
}

func (s *stocktaking) addMint(t *mint.Tally, now *mint.Status) {
	if now.Running && !now.Asked.IsZero() {
		s.add(s.balance, float64(now.Balance))
		low := 0.0
		if now.Low {
			low = 1
		}
		s.add(s.low, low)
	}
	for _, f := range []mint.Form{mint.None, mint.Held, mint.Free, mint.Burned} {
		s.add(s.tokens, float64(t.Forms[f]), formName(f))
	}
	for _, state := range mintStates() {
		s.add(s.actions, float64(t.Actions[state]), string(state))
	}
	s.add(s.unsettled, float64(t.Unsettled))
	s.add(s.stuck, float64(t.Stuck))
	s.add(s.spent, float64(t.Fees), "fee")
	s.add(s.spent, float64(t.Rent), "rent")
}
