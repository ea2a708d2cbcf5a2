package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What others compute meanwhile is not counted.
func TestCPUTimeIsOneThreads(t *testing.T) {
	before := cpuTime()
	busy := make(chan time.Duration)
	go func() {
		began := cpuTime()
		for cpuTime()-began < 200*time.Millisecond {
		}
		busy <- cpuTime() - began
	}()
	others := <-busy
	if own := cpuTime() - before; own > others/2 {
		t.Errorf("%v counted while waiting for another thread that computed for %v", own, others)
	}
	began := cpuTime()
	for range 1 << 20 {
		_ = rand.Uint64()
	}
	if cpuTime() <= began {
		t.Error("own computing is not counted")
	}
}

// A pass has as many characters as base45 needs for its bytes.
func TestPassLength(t *testing.T) {
	for bytes, want := range map[int]int{150: 225, 300: 450, 1: 2} {
		if got := len(passText(rand.New(rand.NewPCG(1, 2)), bytes)); got != want {
			t.Errorf("a pass of %d bytes has %d characters, want %d", bytes, got, want)
		}
	}
}
