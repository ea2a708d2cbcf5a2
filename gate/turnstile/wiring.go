package turnstile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrWiring is wrapped by errors about pins.
var ErrWiring = errors.New("impossible wiring")

// Pin is one output or input of a device, by its number there. The zero value is
// not wired.
type Pin struct {
	Line     int
	Inverted bool // a released output energises; an input is active while it is low, as a closed loop that opens
	Wired    bool
}

// maxLine is the highest number of a pin.
const maxLine = 65535

// ParsePin reads "17", "!17" for an inverted pin, and "" for one that is not wired.
// Errors wrap [ErrWiring].
func ParsePin(text string) (Pin, error) {
	if text == "" {
		return Pin{}, nil
	}
	number, inverted := strings.CutPrefix(text, "!")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return Pin{}, fmt.Errorf("%w: pin %q, want a number from 0 to %d, or ! and a number", ErrWiring, text, maxLine)
	}
	return Pin{Line: int(n), Inverted: inverted, Wired: true}, nil
}

// level is what to set an output to, or what an input's level means.
func (p Pin) level(on bool) bool { return on != p.Inverted }

// Wiring says which pin is what. At least one direction can be unlocked.
type Wiring struct {
	Unlock [2]Pin // outputs, by direction

	Passed [2]Pin // inputs, by direction: somebody has gone through
	Ready  Pin    // the turnstile is in service
	Alarm  Pin    // staff must look
	Fire   Pin    // the release loop; invert a loop that is closed in peace
}

func (w Wiring) check() error {
	if !w.Unlock[In].Wired && !w.Unlock[Out].Wired {
		return fmt.Errorf("%w: no output unlocks", ErrWiring)
	}
	if w.Unlock[In].Wired && w.Unlock[Out].Wired && w.Unlock[In].Line == w.Unlock[Out].Line {
		return fmt.Errorf("%w: one output unlocks both directions", ErrWiring)
	}
	lines := w.inputs()
	slices.Sort(lines)
	for i := 1; i < len(lines); i++ {
		if lines[i] == lines[i-1] {
			return fmt.Errorf("%w: input %d means two things", ErrWiring, lines[i])
		}
	}
	return nil
}

// Blind reports, by direction, that it can be unlocked and no passage is wired.
func (w Wiring) Blind() (blind [2]bool) {
	for _, d := range []Direction{In, Out} {
		blind[d] = w.Unlock[d].Wired && !w.Passed[d].Wired
	}
	return blind
}

// inputs are the numbers of the wired inputs.
func (w Wiring) inputs() []int {
	var lines []int
	for _, p := range []Pin{w.Passed[In], w.Passed[Out], w.Ready, w.Alarm, w.Fire} {
		if p.Wired {
			lines = append(lines, p.Line)
		}
	}
	return lines
}

// read makes inputs of levels.
func (w Wiring) read(high func(line int) bool) Inputs {
	on := func(p Pin) bool { return p.Wired && high(p.Line) != p.Inverted }
	return Inputs{
		Passed: [2]bool{on(w.Passed[In]), on(w.Passed[Out])},
		Fault:  w.Ready.Wired && !on(w.Ready),
		Alarm:  on(w.Alarm),
		Fire:   on(w.Fire),
	}
}

// output is the pin that unlocks a direction.
func (w Wiring) output(d Direction) (Pin, error) {
	if p := w.Unlock[d]; p.Wired {
		return p, nil
	}
	return Pin{}, fmt.Errorf("%w: nothing unlocks the way %s", ErrWiring, d)
}
