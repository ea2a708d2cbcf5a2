package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/con-ting/conting/central/outbox"
)

// handedOut counts what the outbox's consumers get.
type handedOut struct {
	rows  *prometheus.CounterVec
	lag   *prometheus.GaugeVec
	stuck *prometheus.GaugeVec
}

var _ outbox.Observer = (*Metrics)(nil)

func newHandedOut() handedOut {
	by := []string{"consumer"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, by)
	}
	return handedOut{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "outbox_rows_total", Help: "Rows of the outbox that a consumer has dealt with.",
		}, by),
		lag:   gauge("outbox_lag_seconds", "Age of the newest row that a consumer has dealt with, when it had."),
		stuck: gauge("outbox_stuck_attempts", "How often in a row a consumer has failed to deal with the next row. Anything but 0 for long needs a person."),
	}
}

func (h handedOut) collectors() []prometheus.Collector {
	return []prometheus.Collector{h.rows, h.lag, h.stuck}
}

// Handled implements [outbox.Observer].
func (m *Metrics) Handled(consumer string, rows int, lag time.Duration) {
	m.outbox.rows.WithLabelValues(consumer).Add(float64(rows))
	m.outbox.lag.WithLabelValues(consumer).Set(max(0, lag).Seconds())
}

// Stuck implements [outbox.Observer].
func (m *Metrics) Stuck(consumer string, attempts int) {
	m.outbox.stuck.WithLabelValues(consumer).Set(float64(attempts))
}
