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

// What a topic is about: nothing (public lists), an event, a device, or both.
var (
	list   = topic.StatusListOf("https://registrar.example/status/1.jwt")
	public = func(e ticket.EventID) []string {
		return []string{topic.Manifest(e), topic.Rules(e, 3), topic.Status(e, 3), topic.Chunk(e, 3, 0), topic.DeltaAt(e, 12), topic.BeaconOf(e), topic.LedgerPage(e, 1), topic.LeasePage(e, 5)}
	}
	upward   = func(d ticket.DeviceID) []string { return []string{topic.JournalOf(d), topic.LogOf(d)} }
	downward = func(d ticket.DeviceID) []string { return []string{topic.AckOf(d), topic.CommandOf(d)} }
)

// client is a device with the events of these tests: a gate is for 7 and 9 unless
// a test says otherwise, and central is for all without being told.
func client(role trust.Role, d ticket.DeviceID) topic.Client {
	if role == trust.RoleCentral {
		return topic.Client{Device: d, Role: role}
	}
	return topic.Client{Device: d, Role: role, Events: []ticket.EventID{7, 9}}
}

// TestMayExhaustively asks about every topic for every role, of own and foreign
// events and devices, reading and writing. What is allowed is spelt out here a
// second time, in another form than the table; everything else must be denied.
func TestMayExhaustively(t *testing.T) {
	type question struct {
		role  trust.Role
		name  string
		write bool
	}
	allowed := make(map[question]bool)
	allow := func(role trust.Role, write bool, list ...string) {
		for _, n := range list {
			allowed[question{role, n, write}] = true
		}
	}
	everyDevice := []ticket.DeviceID{central, gate, peer}
	everyEvent := []ticket.EventID{7, 8, 9, 70, 4294967295}
	for _, role := range []trust.Role{trust.RoleGate, trust.RoleHandheld, trust.RoleHub} {
		allow(role, false, topic.TrustList(), list, topic.StateOf(gate))
		allow(role, false, downward(gate)...)
		allow(role, true, topic.StateOf(gate))
		allow(role, true, upward(gate)...)
		for _, e := range []ticket.EventID{7, 9} {
			allow(role, false, public(e)...)
			allow(role, false, topic.ClaimReplyOf(e, gate))
			allow(role, true, topic.ClaimOf(e, gate), topic.AdmissionsOf(e, gate))
			for _, d := range everyDevice {
				allow(role, false, topic.AdmissionsOf(e, d))
			}
		}
	}
	allow(trust.RoleCentral, true, topic.TrustList(), list, topic.StateOf(central))
	allow(trust.RoleCentral, false, topic.TrustList(), list)
	for _, e := range everyEvent {
		allow(trust.RoleCentral, true, public(e)...)
		allow(trust.RoleCentral, false, public(e)...)
	}
	for _, d := range everyDevice {
		allow(trust.RoleCentral, true, downward(d)...)
		allow(trust.RoleCentral, false, downward(d)...)
		allow(trust.RoleCentral, false, upward(d)...)
		allow(trust.RoleCentral, false, topic.StateOf(d))
		for _, e := range everyEvent {
			allow(trust.RoleCentral, true, topic.ClaimReplyOf(e, d))
			allow(trust.RoleCentral, false, topic.ClaimReplyOf(e, d), topic.ClaimOf(e, d), topic.AdmissionsOf(e, d))
		}
	}

	every := []string{topic.TrustList(), list}
	for _, e := range everyEvent {
		every = append(every, public(e)...)
		for _, d := range everyDevice {
			every = append(every, topic.AdmissionsOf(e, d), topic.ClaimOf(e, d), topic.ClaimReplyOf(e, d))
		}
	}
	for _, d := range everyDevice {
		every = append(every, upward(d)...)
		every = append(every, downward(d)...)
		every = append(every, topic.StateOf(d))
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
			c := client(role, device)
			for _, write := range []bool{false, true} {
				asked++
				want := allowed[question{role, name, write}]
				if got := c.May(name, write); got != want {
					t.Errorf("%+v: May(%q, write %v) = %v, want %v", c, name, write, got, want)
				}
				// Without events there is nothing left but what is about none.
				c := topic.Client{Device: device, Role: role}
				want = want && (role == trust.RoleCentral || n.Event == 0)
				if got := c.May(name, write); got != want {
					t.Errorf("%+v: May(%q, write %v) = %v, want %v", c, name, write, got, want)
				}
			}
		}
	}
	if len(kinds) != int(topic.DeviceLog) {
		t.Errorf("asked about %d kinds of topics, there are %d", len(kinds), topic.DeviceLog)
	}
	t.Logf("%d questions", asked)
}

func TestMaySubscribe(t *testing.T) {
	gates := []string{topic.AllDeltas(7), topic.AllLedger(7), topic.AllLeases(7), topic.AllAdmissions(7), topic.AllAdmissions(9)}
	foreign := []string{topic.AllDeltas(8), topic.AllLedger(8), topic.AllLeases(8), topic.AllAdmissions(8), topic.AllAdmissions(77), topic.AllDeltas(70)}
	centrals := append([]string{
		topic.AllClaims(7), topic.AllStates(), topic.AllJournals(), topic.AllLogs(),
		"conting/v1/+/admissions/+", "conting/v1/+/claim/+", "conting/v1/device/+/ack", "conting/v1/+/set/+/+", "conting/v1/+/set/manifest", "conting/v1/+/beacon",
		"conting/v1/+/delta/12", "conting/v1/+/claim-reply/gate-1", "conting/v1/+/admissions/gate-1",
	}, foreign...)
	nobodys := []string{
		"conting/v1/status/#", "conting/v1/status/4d+", "#", "+", "+/+/+", "conting/#", "conting/v1/#", "conting/v1/+", "conting/v1/+/+", "conting/v1/+/#", "conting/v1/7/#", "conting/v1/7/+/+", "conting/v1/7/+", "conting/v1/device/#",
		"conting/v1/device/gate-1/#", "conting/v1/device/gate-1/+", "conting/v1/device/+/+", "conting/v1/+/+/+", "$SYS/#", "$share/g/conting/v1/device/+/journal", "conting/v1/7/delta/1+", "",
	}
	check := func(c topic.Client, filter string, want bool) {
		t.Helper()
		if got := c.May(filter, false); got != want {
			t.Errorf("%+v: May(subscribe %q) = %v, want %v", c, filter, got, want)
		}
		if c.May(filter, true) {
			t.Errorf("%+v lets a wildcard %q be published", c, filter)
		}
	}
	all := client(trust.RoleCentral, central)
	for _, f := range gates {
		check(client(trust.RoleGate, gate), f, true)
		check(client(trust.RoleEvent, gate), f, false)
		check(topic.Client{Device: gate, Role: trust.RoleGate}, f, false)
		check(all, f, true)
	}
	check(topic.Client{Device: gate, Role: trust.RoleGate}, topic.AllStatusLists(), true)
	check(client(trust.RoleEvent, gate), topic.AllStatusLists(), false)
	for _, f := range centrals {
		check(all, f, true)
		for _, role := range []trust.Role{trust.RoleGate, trust.RoleHandheld, trust.RoleHub} {
			check(client(role, gate), f, false)
		}
	}
	for _, f := range append(nobodys, "conting/v1/+/delta/+", "conting/v1/7/set/3/+", "conting/v1/7/set/+/0") {
		check(client(trust.RoleGate, gate), f, false)
	}
	for _, f := range nobodys {
		check(all, f, false)
	}
}

func TestMayRetain(t *testing.T) {
	for _, tt := range []struct {
		role trust.Role
		name string
		want bool
	}{
		{trust.RoleCentral, topic.Manifest(7), true},
		{trust.RoleCentral, list, true},
		{trust.RoleGate, list, false},
		{trust.RoleCentral, topic.StateOf(central), true},
		{trust.RoleGate, topic.StateOf(gate), true},
		{trust.RoleGate, topic.JournalOf(gate), false},
		{trust.RoleGate, topic.AdmissionsOf(7, gate), false},
		{trust.RoleCentral, "elsewhere", false},
	} {
		if got := client(tt.role, gate).MayRetain(tt.name); got != tt.want {
			t.Errorf("%q: MayRetain(%q) = %v, want %v", tt.role, tt.name, got, tt.want)
		}
	}
}

func ExampleClient_May() {
	c := topic.Client{Device: "gate-1", Role: trust.RoleGate, Events: []ticket.EventID{7}}
	fmt.Println(c.May(topic.AdmissionsOf(7, "gate-1"), true))
	fmt.Println(c.May(topic.AdmissionsOf(7, "gate-2"), true))
	fmt.Println(c.May(topic.AdmissionsOf(8, "gate-1"), true))
	// Output:
	// true
	// false
	// false
}
