package main

import (
	"os"
	"testing"

	"github.com/con-ting/conting/central/surge"
)

func TestLost(t *testing.T) {
	told := []surge.Place{{Person: 0, Number: 1}, {Person: 1, Number: 2}, {Person: 5, Number: 3}}
	for name, c := range map[string]struct {
		told, now []surge.Place
		want      int
	}{
		"all there":  {told, []surge.Place{{Person: 0, Number: 1}, {Person: 1, Number: 2}, {Person: 5, Number: 3}, {Person: 6, Number: 4}}, 0},
		"one moved":  {told, []surge.Place{{Person: 0, Number: 1}, {Person: 1, Number: 3}, {Person: 5, Number: 3}}, 1},
		"one gone":   {told, []surge.Place{{Person: 0, Number: 1}, {Person: 1, Number: 2}}, 1},
		"told twice": {append(told, surge.Place{Person: 6, Number: 1}), append(told, surge.Place{Person: 6, Number: 1}), 1},
	} {
		if got := lost(c.told, c.now); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestDoubles(t *testing.T) {
	if got := doubles([]sold{{"A-1", [16]byte{1}}, {"A-2", [16]byte{2}}, {"A-1", [16]byte{3}}, {"A-4", [16]byte{2}}}); got != 2 {
		t.Errorf("%d, want 2: a seat and a ticket", got)
	}
}

// What a process has used is more after it has done something.
func TestOwnProcess(t *testing.T) {
	pid := os.Getpid()
	before, err := cpuUsed(pid)
	if err != nil {
		t.Fatal(err)
	}
	sum := uint64(1)
	for after := before; after-before < 3*clockTick; {
		for i := range uint64(1_000_000) {
			sum = sum*31 + i
		}
		if after, err = cpuUsed(pid); err != nil {
			t.Fatal(err)
		}
	}
	if bytes, err := resident(pid); err != nil || bytes < 1<<20 || sum == 0 {
		t.Errorf("%d bytes in RAM, %v", bytes, err)
	}
	if _, err := cpuUsed(-1); err == nil {
		t.Error("a process that cannot be has used CPU")
	}
}
