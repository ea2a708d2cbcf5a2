package topic_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
)

const gate = ticket.DeviceID("gate-1")

// names holds one topic of each kind, spelt out: this is the wire.
var names = []struct {
	got, want string
	name      topic.Name
}{
	{topic.TrustList(), "conting/v1/trust", topic.Name{Kind: topic.Trust}},
	{topic.StatusListOf("https://registrar.example/status/1.jwt"), "conting/v1/status/1bcb146932709152", topic.Name{Kind: topic.StatusList, Number: 0x1bcb146932709152}},
	{topic.Manifest(7), "conting/v1/7/set/manifest", topic.Name{Kind: topic.SetManifest, Event: 7}},
	{topic.Rules(7, 3), "conting/v1/7/set/3/rules", topic.Name{Kind: topic.SetRules, Event: 7, Number: 3}},
	{topic.Status(7, 3), "conting/v1/7/set/3/status", topic.Name{Kind: topic.SetStatus, Event: 7, Number: 3}},
	{topic.Chunk(7, 3, 0), "conting/v1/7/set/3/0", topic.Name{Kind: topic.SetChunk, Event: 7, Number: 3}},
	{topic.Chunk(7, math.MaxUint64, math.MaxUint32), "conting/v1/7/set/18446744073709551615/4294967295", topic.Name{Kind: topic.SetChunk, Event: 7, Number: math.MaxUint64, Chunk: math.MaxUint32}},
	{topic.DeltaAt(7, 12), "conting/v1/7/delta/12", topic.Name{Kind: topic.Delta, Event: 7, Number: 12}},
	{topic.BeaconOf(7), "conting/v1/7/beacon", topic.Name{Kind: topic.Beacon, Event: 7}},
	{topic.LedgerPage(7, 0), "conting/v1/7/ledger/0", topic.Name{Kind: topic.Ledger, Event: 7}},
	{topic.LeasePage(7, 0), "conting/v1/7/leases/0", topic.Name{Kind: topic.Leases, Event: 7}},
	{topic.LeasePage(7, 15), "conting/v1/7/leases/15", topic.Name{Kind: topic.Leases, Event: 7, Number: 15}},
	{topic.AdmissionsOf(7, gate), "conting/v1/7/admissions/gate-1", topic.Name{Kind: topic.Admissions, Event: 7, Device: gate}},
	{topic.ClaimOf(7, gate), "conting/v1/7/claim/gate-1", topic.Name{Kind: topic.Claim, Event: 7, Device: gate}},
	{topic.ClaimReplyOf(7, gate), "conting/v1/7/claim-reply/gate-1", topic.Name{Kind: topic.ClaimReply, Event: 7, Device: gate}},
	{topic.StateOf(gate), "conting/v1/device/gate-1/state", topic.Name{Kind: topic.DeviceState, Device: gate}},
	{topic.JournalOf(gate), "conting/v1/device/gate-1/journal", topic.Name{Kind: topic.DeviceJournal, Device: gate}},
	{topic.AckOf(gate), "conting/v1/device/gate-1/ack", topic.Name{Kind: topic.DeviceAck, Device: gate}},
	{topic.CommandOf(gate), "conting/v1/device/gate-1/command", topic.Name{Kind: topic.DeviceCommand, Device: gate}},
	{topic.LogOf(gate), "conting/v1/device/gate-1/log", topic.Name{Kind: topic.DeviceLog, Device: gate}},
}

func TestNames(t *testing.T) {
	for _, tt := range names {
		if tt.got != tt.want {
			t.Errorf("topic %q, want %q", tt.got, tt.want)
		}
		n, err := topic.Parse(tt.want)
		if err != nil || n != tt.name {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", tt.want, n, err, tt.name)
		}
		if n.String() != tt.want {
			t.Errorf("%+v writes %q, want %q", n, n.String(), tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "/", "#", "+", "conting/v1", "conting/v1/", "conting/v2/trust", "Conting/v1/trust", "/conting/v1/trust",
		"conting/v1/trust/", "conting/v1/trust/x", "$SYS/broker/version", "$share/g/conting/v1/trust",
		"conting/v1/0/beacon", "conting/v1/07/beacon", "conting/v1/-1/beacon", "conting/v1/4294967296/beacon", "conting/v1/x/beacon", "conting/v1//beacon",
		"conting/v1/+/beacon", "conting/v1/7/delta/+", "conting/v1/7/delta/#", "conting/v1/7/delta/0", "conting/v1/7/delta/01", "conting/v1/7/delta/",
		"conting/v1/7/delta/18446744073709551616", "conting/v1/7/ledger/4294967296", "conting/v1/7/leases/16", "conting/v1/7/leases/01", "conting/v1/7/leases/+", "conting/v1/7/set/0/rules", "conting/v1/7/set/1/4294967296",
		"conting/v1/7/set/1/01", "conting/v1/7/set/1/manifest", "conting/v1/7/set/1/", "conting/v1/7/set//rules", "conting/v1/7/set/+/rules", "conting/v1/7/set/1",
		"conting/v1/7/admissions/Gate", "conting/v1/7/admissions/-a", "conting/v1/7/admissions/a b", "conting/v1/7/admissions/a/b", "conting/v1/7/admissions/+",
		"conting/v1/device/gate-1", "conting/v1/device//state", "conting/v1/device/gate-1/other", "conting/v1/device/gate-1/state/x", "conting/v1/device/+/state",
		"conting/v1/status", "conting/v1/status/", "conting/v1/status/+", "conting/v1/status/7", "conting/v1/status/4D54A9A6A0A4A7C2", "conting/v1/status/04d54a9a6a0a4a7c2",
		"conting/v1/status/4d54a9a6a0a4a7cg", "conting/v1/status/4d54a9a6a0a4a7c2/x", "conting/v1/device/beacon", "conting/v1/device/gate-1\x00/state", "conting/v1/device/" + strings.Repeat("a", 33) + "/state",
		"conting/v1/7/" + strings.Repeat("a", topic.MaxName),
	} {
		if n, err := topic.Parse(in); !errors.Is(err, topic.ErrName) {
			t.Errorf("Parse(%q) = %+v, %v; want ErrName", in, n, err)
		}
	}
}

func TestLongestNameFits(t *testing.T) {
	longest := topic.ClaimReplyOf(math.MaxUint32, ticket.DeviceID(strings.Repeat("a", ticket.MaxDeviceIDLen)))
	if _, err := topic.Parse(longest); err != nil {
		t.Errorf("Parse(%q): %v", longest, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range names {
		f.Add(tt.want)
	}
	f.Add("conting/v1/+/set/#")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := topic.Parse(s)
		if err != nil {
			return
		}
		if n.String() != s || strings.ContainsAny(s, "+#\x00") {
			t.Errorf("accepted %q as %+v, which writes %q", s, n, n.String())
		}
	})
}
