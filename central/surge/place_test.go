package surge_test

import (
	"testing"
	"time"

	"github.com/con-ting/conting/central/surge"
)

func TestOvertaken(t *testing.T) {
	at := func(number int64, begun, done int) surge.Place {
		return surge.Place{Number: number, Begun: time.Duration(begun), Done: time.Duration(done)}
	}
	for name, c := range map[string]struct {
		places []surge.Place
		want   int64
	}{
		"in order":           {[]surge.Place{at(1, 0, 1), at(2, 2, 3), at(3, 4, 5)}, 0},
		"at the same time":   {[]surge.Place{at(2, 0, 5), at(1, 1, 4)}, 0},
		"touching":           {[]surge.Place{at(2, 0, 5), at(1, 5, 6)}, 0},
		"overtaken":          {[]surge.Place{at(2, 0, 1), at(1, 2, 3)}, 1},
		"by two":             {[]surge.Place{at(9, 0, 1), at(1, 2, 3), at(2, 2, 4)}, 2},
		"not by the longest": {[]surge.Place{at(9, 0, 100), at(5, 1, 2), at(6, 3, 4)}, 0},
		"nobody":             {nil, 0},
	} {
		if got := surge.Overtaken(c.places); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestShared(t *testing.T) {
	if got := surge.Shared([]surge.Place{{Number: 1}, {Number: 2}, {Number: 1}, {Number: 1}}); got != 2 {
		t.Errorf("%d, want 2", got)
	}
}
