package panel

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/con-ting/conting/sync/ticket"
)

// metrics counts what the lane does, in a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	scans    *prometheus.CounterVec
	passages *prometheus.CounterVec
	frames   *prometheus.CounterVec
	decode   prometheus.Histogram
	total    prometheus.Histogram
	judged   prometheus.Histogram
	durable  prometheus.Histogram
}

const namespace = "conting_gate"

func newMetrics(cfg Config, watchers func() int) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: name, Help: help,
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .035, .05, .075, .1, .15, .25, .5, 1, 2.5},
		})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		scans:    counter("scans_total", "Decisions, by outcome, reason and form of the pass.", "outcome", "reason", "form"),
		passages: counter("passages_total", "Admissions that ended, by how: passed, released or flagged.", "kind"),
		frames:   counter("camera_frames_total", "Frames searched for codes, by what was found: code, none or error.", "found"),
		decode:   histogram("decode_seconds", "Time to search one frame for codes."),
		total:    histogram("decision_seconds", "Time from the frame to the lane's answer."),
		judged:   histogram("verdict_seconds", "Time from the code's text to the verdict of the rules."),
		durable:  histogram("durable_seconds", "Time from the code's text to the decision on the disk."),
	}
	gauge := func(name, help string, value func(Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return value(cfg.Status()) })
	}
	all := []prometheus.Collector{
		m.scans, m.passages, m.frames, m.decode, m.total, m.judged, m.durable,
		gauge("journal_unacked", "Journal entries that central has not acknowledged.", func(s Status) float64 { return float64(s.Unacked) }),
		gauge("set_version", "Version of the ticket set, 0 for none.", func(s Status) float64 { return float64(s.SetVersion) }),
		gauge("set_age_seconds", "Time since the ticket set was signed.", func(s Status) float64 { return s.SetAge.Seconds() }),
		gauge("set_delta", "Last change that was applied to the ticket set.", func(s Status) float64 { return float64(s.Delta) }),
		gauge("behind_seconds", "Time since the last word from central.", func(s Status) float64 { return s.Behind.Seconds() }),
		gauge("gates_unseen", "Other gates that this one cannot see.", func(s Status) float64 { return float64(s.Unseen) }),
		gauge("tickets_at_risk", "Most tickets that could be used at another gate as well.", func(s Status) float64 { return float64(s.AtRisk) }),
		gauge("admitted", "People that this gate has let in.", func(s Status) float64 { return float64(s.Admitted) }),
		gauge("clock_uncertainty_seconds", "How far off the gate's clock may be.", func(s Status) float64 { return s.Uncertainty.Seconds() }),
		gauge("online", "1 while hub or central answers.", func(s Status) float64 {
			if s.Online() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "panel_watchers", Help: "Pages that follow the lane."},
			func() float64 { return float64(watchers()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "build_info", Help: "Always 1; the labels say which gate this is.",
			ConstLabels: prometheus.Labels{"version": cfg.Version, "gate": cfg.Gate, "lane": cfg.Lane},
		}, func() float64 { return 1 }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
	for _, c := range all {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("panel: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second})
}

func (m *metrics) decided(s Scan) {
	// Labels come of a closed list, whatever a future gate puts into a verdict.
	reason := "other"
	if slices.Contains(ticket.Reasons(), s.Verdict.Reason) {
		reason = string(s.Verdict.Reason)
	}
	form := s.Form
	if form == "" {
		form = "none"
	}
	m.scans.WithLabelValues(s.Verdict.Outcome.String(), reason, form).Inc()
	observe(m.total, s.Total)
	observe(m.judged, s.Judged)
	observe(m.durable, s.Durable)
}

func observe(h prometheus.Histogram, d time.Duration) {
	if d > 0 {
		h.Observe(d.Seconds())
	}
}

func (m *metrics) settled(kind string) { m.passages.WithLabelValues(kind).Inc() }

func (m *metrics) looked(took time.Duration, codes int, err error) {
	found := "none"
	switch {
	case err != nil:
		found = "error"
	case codes > 0:
		found = "code"
	}
	m.frames.WithLabelValues(found).Inc()
	observe(m.decode, took)
}
