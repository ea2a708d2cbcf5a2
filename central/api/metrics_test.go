package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/publish"
)

func TestMetrics(t *testing.T) {
	m, err := api.NewMetrics("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, func(c *api.Config) { c.Metrics = m }).on()
	h.buy("A-1")
	h.hold("A-2")
	h.fleet.devices = []api.Device{{ID: "north-1", Online: true}, {ID: "south-1"}, {ID: "south-2"}}
	h.ledger.incidents = incidentsOf(time.Unix(0, 0))
	h.ledger.entries = make([]api.Admission, 4)
	var o publish.Observer = m
	o.DeltaPublished(1001, 1, 3)
	o.DeltaPublished(1001, 2, 4)
	o.SetPublished(1001, 9, 77, 30*time.Millisecond)
	o.JournalStored("north-1", 5)
	o.ConflictFound(1001)
	o.IncidentRecorded(publish.IncidentFork)
	a := h.call("GET", "/metrics", "", admin()).want(http.StatusOK)
	for _, want := range []string{
		`conting_central_places{event="1001",state="sold",zone="1"} 1`,
		`conting_central_places{event="1001",state="held",zone="1"} 1`,
		`conting_central_devices{online="true"} 1`,
		`conting_central_devices{online="false"} 2`,
		`conting_central_ledger_rows{event="1001"} 4`,
		`conting_central_conflicts{event="1001"} 0`,
		`conting_central_incidents 2`,
		`conting_central_deltas_published_total{event="1001"} 2`,
		`conting_central_delta_changes_total{event="1001"} 7`,
		`conting_central_set_version{event="1001"} 9`,
		`conting_central_set_tickets{event="1001"} 77`,
		`conting_central_set_build_seconds_bucket{le="0.05"} 1`,
		`conting_central_journal_batches_total 1`,
		`conting_central_journal_entries_total 5`,
		`conting_central_conflicts_found_total{event="1001"} 1`,
		`conting_central_incidents_recorded_total{kind="fork"} 1`,
		`conting_central_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(string(a.body), want+"\n") {
			t.Errorf("/metrics lacks %q", want)
		}
	}
	if strings.Contains(string(a.body), "north-1") {
		t.Error("/metrics names a device")
	}
	if t.Failed() {
		t.Logf("%s", a.body)
	}
	h.ledger.err = errors.New("database is gone")
	h.call("GET", "/metrics", "", admin()).problem(http.StatusInternalServerError, "internal_error")
}
