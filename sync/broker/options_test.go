package broker

import (
	"math"
	"testing"
)

// TestCaps pins what cannot be seen in a test of a few seconds: the defaults lose
// a publisher's acknowledged messages beyond 8,192, and retained ones after a day.
func TestCaps(t *testing.T) {
	caps := options().Capabilities
	if caps.MaximumInflight != math.MaxUint16 {
		t.Errorf("MaximumInflight = %d, want %d", caps.MaximumInflight, math.MaxUint16)
	}
	if caps.MaximumMessageExpiryInterval != 0 {
		t.Errorf("retained messages vanish after %d s", caps.MaximumMessageExpiryInterval)
	}
	if caps.MaximumClientWritesPending < 16*1024 {
		t.Errorf("MaximumClientWritesPending = %d: a burst of retained deltas does not fit", caps.MaximumClientWritesPending)
	}
}
