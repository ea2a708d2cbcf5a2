package topic_test

import (
	"fmt"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

const (
	central = ticket.DeviceID("central")
	peer    = ticket.DeviceID("gate-2")
)

// mine and theirs are the topics that name a device; the rest names none.
var (
	public = []string{topic.TrustList(), topic.Manifest(7), topic.Rules(7, 3), topic.Status(7, 3), topic.Chunk(7, 3, 0), topic.DeltaAt(7, 12), topic.BeaconOf(7), topic.LedgerPage(7, 1)}
	upward = func(d ticket.DeviceID) []string {
		return []string{topic.JournalOf(d), topic.LogOf(d), topic.ClaimOf(7, d)}
	}
	downward = func(d ticket.DeviceID) []string {
		return []string{topic.AckOf(d), topic.CommandOf(d), topic.ClaimReplyOf(7, d)}
	}
)

// TestACLExhaustively asks about every topic for every role, own and foreign,
// reading and writing. What is allowed is spelt out here a second time, in another
// form than the table; everything else must be denied.
func TestACLExhaustively(t *testing.T) {
	type question struct {
		role   trust.Role
		device ticket.DeviceID
		name   string
		write  bool
	}
	allowed := make(map[question]bool)
	allow := func(role trust.Role, d ticket.DeviceID, write bool, list ...string) {
		for _, n := range list {
			allowed[question{role, d, n, write}] = true
		}
	}
	everyDevice := []ticket.DeviceID{central, gate, peer}
	for _, role := range []trust.Role{trust.RoleGate, trust.RoleHandheld, trust.RoleHub} {
		allow(role, gate, false, public...)
		allow(role, gate, false, downward(gate)...)
		allow(role, gate, false, topic.StateOf(gate))
		for _, d := range everyDevice {
			allow(role, gate, false, topic.AdmissionsOf(7, d))
		}
		allow(role, gate, true, upward(gate)...)
		allow(role, gate, true, topic.StateOf(gate), topic.AdmissionsOf(7, gate))
	}
	allow(trust.RoleCentral, central, true, public...)
	allow(trust.RoleCentral, central, false, public...)
	allow(trust.RoleCentral, central, true, topic.StateOf(central))
	for _, d := range everyDevice {
		allow(trust.RoleCentral, central, true, downward(d)...)
		allow(trust.RoleCentral, central, false, downward(d)...)
		allow(trust.RoleCentral, central, false, upward(d)...)
		allow(trust.RoleCentral, central, false, topic.StateOf(d), topic.AdmissionsOf(7, d))
	}

	var every []string
	every = append(every, public...)
	for _, d := range everyDevice {
		every = append(every, upward(d)...)
		every = append(every, downward(d)...)
		every = append(every, topic.StateOf(d), topic.AdmissionsOf(7, d))
	}
	kinds := make(map[topic.Kind]bool)
	asked := 0
	for _, name := range every {
		n, err := topic.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		kinds[n.Kind] = true
		for _, role := range []trust.Role{trust.RoleRoot, trust.RoleEvent, trust.RoleHub, trust.RoleCentral, trust.RoleGate, trust.RoleHandheld, "", "admin"} {
			device := gate
			if role == trust.RoleCentral {
				device = central
			}
			for _, write := range []bool{false, true} {
				asked++
				want := allowed[question{role, device, name, write}]
				if got := topic.ACL(role, device, name, write); got != want {
					t.Errorf("ACL(%q, %q, %q, write %v) = %v, want %v", role, device, name, write, got, want)
				}
			}
		}
	}
	if len(kinds) != int(topic.DeviceLog) {
		t.Errorf("asked about %d kinds of topics, there are %d", len(kinds), topic.DeviceLog)
	}
	t.Logf("%d questions", asked)
}

func TestACLFilters(t *testing.T) {
	gates := []string{topic.AllDeltas(7), topic.AllLedger(7), topic.AllAdmissions(7)}
	centrals := append([]string{
		topic.AllClaims(7), topic.AllStates(), topic.AllJournals(), topic.AllLogs(),
		"conting/v1/+/admissions/+", "conting/v1/+/claim/+", "conting/v1/device/+/ack", "conting/v1/+/set/+/+", "conting/v1/+/set/manifest", "conting/v1/+/beacon",
	}, gates...)
	nobodys := []string{
		"#", "+", "+/+/+", "conting/#", "conting/v1/#", "conting/v1/+", "conting/v1/+/+", "conting/v1/+/#", "conting/v1/7/#", "conting/v1/7/+/+", "conting/v1/7/+", "conting/v1/device/#",
		"conting/v1/device/gate-1/#", "conting/v1/device/gate-1/+", "conting/v1/device/+/+", "conting/v1/+/+/+", "$SYS/#", "$share/g/conting/v1/device/+/journal", "conting/v1/7/delta/1+", "",
	}
	check := func(role trust.Role, d ticket.DeviceID, filter string, want bool) {
		t.Helper()
		if got := topic.ACL(role, d, filter, false); got != want {
			t.Errorf("ACL(%q, %q, subscribe %q) = %v, want %v", role, d, filter, got, want)
		}
		if topic.ACL(role, d, filter, true) {
			t.Errorf("ACL(%q, %q) lets a wildcard %q be published", role, d, filter)
		}
	}
	for _, f := range gates {
		check(trust.RoleGate, gate, f, true)
		check(trust.RoleEvent, gate, f, false)
	}
	for _, f := range centrals {
		check(trust.RoleCentral, central, f, true)
	}
	for _, f := range centrals[:len(centrals)-len(gates)] {
		check(trust.RoleGate, gate, f, false)
		check(trust.RoleHandheld, gate, f, false)
		check(trust.RoleHub, gate, f, false)
	}
	for _, f := range append(nobodys, "conting/v1/+/delta/+", "conting/v1/7/set/3/+", "conting/v1/7/set/+/0") {
		check(trust.RoleGate, gate, f, false)
	}
	for _, f := range nobodys {
		check(trust.RoleCentral, central, f, false)
	}
}

func TestRetainable(t *testing.T) {
	for _, tt := range []struct {
		role trust.Role
		name string
		want bool
	}{
		{trust.RoleCentral, topic.Manifest(7), true},
		{trust.RoleCentral, topic.StateOf(central), true},
		{trust.RoleGate, topic.StateOf(gate), true},
		{trust.RoleGate, topic.JournalOf(gate), false},
		{trust.RoleGate, topic.AdmissionsOf(7, gate), false},
		{trust.RoleCentral, "elsewhere", false},
	} {
		if got := topic.Retainable(tt.role, tt.name); got != tt.want {
			t.Errorf("Retainable(%q, %q) = %v, want %v", tt.role, tt.name, got, tt.want)
		}
	}
}

func ExampleACL() {
	fmt.Println(topic.ACL(trust.RoleGate, "gate-1", topic.JournalOf("gate-1"), true))
	fmt.Println(topic.ACL(trust.RoleGate, "gate-1", topic.JournalOf("gate-2"), true))
	// Output:
	// true
	// false
}
