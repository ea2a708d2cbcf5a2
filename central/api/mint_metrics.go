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
	balance  prometheus.Gauge
	low      prometheus.Gauge
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
		balance:  gauge("payer_lamports", "What the fee payer had when it was last asked for."),
		low:      gauge("payer_low", "1 while that is too little."),
		requests: counter("node_requests_total", "Requests to nodes, by node, method and whether the answer was of use.", "node", "method", "result"),
		answered: histogram("node_seconds", "Time of requests to nodes, by node.", []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "node"),
	}
}

func (m minted) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.ended, m.took, m.signed, m.trouble, m.differ, m.backlog, m.oldest, m.balance, m.low, m.requests, m.answered}
}

// Balance implements [mint.Observer].
func (m *Metrics) Balance(lamports uint64, low bool) {
	m.mint.balance.Set(float64(lamports))
	m.mint.low.Set(0)
	if low {
		m.mint.low.Set(1)
	}
}

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

func (s *stocktaking) addMint(t *mint.Tally) {
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
