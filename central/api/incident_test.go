package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/api"
)

func incidentsOf(found time.Time) []api.Incident {
	return []api.Incident{
		{Seq: 1, Device: "north-1", Kind: "fork", Entry: 7, Found: found, Detail: "two entries 7", Size: 300, Evidence: [32]byte{0xab}},
		{Seq: 2, Device: "south-1", Kind: "batch", Found: found, Detail: "<script>alert(1)</script>", Size: 25},
	}
}

func TestIncidents(t *testing.T) {
	h := start(t)
	h.ledger.incidents = incidentsOf(time.Date(2026, 12, 12, 9, 30, 0, 0, time.UTC))
	type page struct {
		Incidents []struct {
			Seq, Entry, Size                      int
			Device, Kind, Found, Detail, Evidence string
		}
		Next string
	}
	var first, second page
	h.call("GET", "/admin/v1/incidents?limit=1", "", admin()).want(http.StatusOK).into(&first)
	if i := first.Incidents; len(i) != 1 || i[0].Seq != 1 || i[0].Device != "north-1" || i[0].Kind != "fork" || i[0].Entry != 7 ||
		i[0].Found != "2026-12-12T09:30:00Z" || i[0].Size != 300 || !strings.HasPrefix(i[0].Evidence, "ab00") || first.Next == "" {
		t.Errorf("first page %+v, want the fork and a cursor", first)
	}
	h.call("GET", "/admin/v1/incidents?limit=2&cursor="+first.Next, "", admin()).want(http.StatusOK).into(&second)
	if i := second.Incidents; len(i) != 1 || i[0].Seq != 2 || second.Next != "" {
		t.Errorf("second page %+v, want incident 2 and no cursor", second)
	}
	h.call("GET", "/admin/v1/incidents?cursor=eA", "", admin()).problem(http.StatusBadRequest, "invalid_cursor")

	// The evidence is for a file, never for a browser to show.
	a := h.call("GET", "/admin/v1/incidents/2/evidence", "", admin()).want(http.StatusOK)
	if a.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") || len(a.body) == 0 {
		t.Errorf("%s: %v %q", a.asked, a.header, a.body)
	}
	for _, none := range []string{"3", "0", "-1", "x"} {
		h.call("GET", "/admin/v1/incidents/"+none+"/evidence", "", admin()).problem(http.StatusNotFound, "unknown_incident")
	}
}

func TestIncidentsPage(t *testing.T) {
	h := start(t)
	r := header{"Authorization", "Basic " + basic("any", adminToken)}
	if page := string(h.call("GET", "/admin/incidents", "", r).want(http.StatusOK).body); !strings.Contains(page, "<p>None.</p>") {
		t.Errorf("page without incidents: %s", page)
	}
	if page := string(h.call("GET", "/", "").want(http.StatusOK).body); strings.Contains(page, "/admin/incidents") {
		t.Errorf("the status page leads to incidents that do not exist: %s", page)
	}
	h.ledger.incidents = incidentsOf(time.Date(2026, 12, 12, 9, 30, 0, 0, time.UTC))
	page := string(h.call("GET", "/admin/incidents", "", r).want(http.StatusOK).body)
	for _, want := range []string{"north-1", "two histories of one journal", "2026-12-12 09:30:00.000 UTC", "300 bytes", "&lt;script&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the incidents page lacks %q: %s", want, page)
		}
	}
	// The public page says how many, and nothing of whom.
	page = string(h.call("GET", "/", "").want(http.StatusOK).body)
	if !strings.Contains(page, `<dt>Incidents</dt><dd>2 <small><a href="/admin/incidents">`) || strings.Contains(page, "north-1") {
		t.Errorf("status page with two incidents: %s", page)
	}
}

func TestRevoke(t *testing.T) {
	h := start(t)
	h.fleet.devices = []api.Device{{ID: "north-1"}, {ID: "south-1"}}
	var got struct {
		ID                 string
		Revoked, Announced bool
	}
	for range 2 { // twice is once
		h.call("POST", "/admin/v1/devices/north-1/revoke", "", admin()).want(http.StatusOK).into(&got)
		if got.ID != "north-1" || !got.Revoked || !got.Announced || !h.fleet.devices[0].Revoked {
			t.Errorf("revoked: %+v, %+v", got, h.fleet.devices)
		}
	}
	h.fleet.rootAway = true
	h.call("POST", "/admin/v1/devices/south-1/revoke", "", admin()).want(http.StatusAccepted).into(&got)
	if got.Announced || !h.fleet.devices[1].Revoked {
		t.Errorf("revoked with the root away: %+v, %+v", got, h.fleet.devices)
	}
	for _, none := range []string{"west-1", "UPPER", "a_b"} {
		h.call("POST", "/admin/v1/devices/"+none+"/revoke", "", admin()).problem(http.StatusNotFound, "unknown_device")
	}
}
