package main

import (
	"bytes"
	"strings"
	"testing"
)

// Each form has its line: one that was refused would have none.
func TestVerifyForms(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for a few seconds")
	}
	var out bytes.Buffer
	if err := (&rig{out: &out}).verifyForms(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rotating", "rotating_full", "challenge", "challenge_full", "accredited", "accredited_full", "paper", "presentation"} {
		for _, unit := range []string{"us", "allocs"} {
			if !strings.Contains(out.String(), "bench: verify_"+name+"_"+unit+" p50=") {
				t.Errorf("no figure verify_%s_%s in\n%s", name, unit, &out)
			}
		}
	}
}
