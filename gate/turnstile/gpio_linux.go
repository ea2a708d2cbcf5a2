package turnstile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/warthog618/go-gpiocdev"
)

// consumer is what gpioinfo shows as the user of our lines.
const consumer = "conting-gate"

// openChip asks the kernel for the lines.
func openChip(cfg GPIOConfig, outputs map[int]bool, inputs []int, tell func(edge)) (lines, error) {
	k := &kernelLines{outputs: map[int]*gpiocdev.Line{}}
	for line, high := range outputs {
		l, err := gpiocdev.RequestLine(cfg.Chip, line, gpiocdev.AsOutput(number(high)), gpiocdev.WithConsumer(consumer))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("output %d: %w", line, err), k.close())
		}
		k.outputs[line] = l
	}
	if len(inputs) == 0 {
		return k, nil
	}
	options := []gpiocdev.LineReqOption{
		gpiocdev.WithConsumer(consumer), gpiocdev.AsInput, gpiocdev.WithBothEdges, gpiocdev.WithDebounce(cfg.Debounce),
		gpiocdev.WithEventHandler(func(e gpiocdev.LineEvent) { tell(edge{line: e.Offset, high: e.Type == gpiocdev.LineEventRisingEdge}) }),
	}
	switch cfg.Bias {
	case "pull_up":
		options = append(options, gpiocdev.WithPullUp)
	case "pull_down":
		options = append(options, gpiocdev.WithPullDown)
	case "off":
		options = append(options, gpiocdev.WithBiasDisabled)
	}
	in, err := gpiocdev.RequestLines(cfg.Chip, slices.Clone(inputs), options...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("inputs %v: %w", inputs, err), k.close())
	}
	k.inputs, k.values = in, make([]int, len(inputs))
	return k, nil
}

// kernelLines are lines of the character device.
type kernelLines struct {
	outputs map[int]*gpiocdev.Line
	inputs  *gpiocdev.Lines // nil without inputs
	values  []int
}

func number(high bool) int {
	if high {
		return 1
	}
	return 0
}

func (k *kernelLines) set(line int, high bool) error { return k.outputs[line].SetValue(number(high)) }

func (k *kernelLines) levels() ([]bool, error) {
	if k.inputs == nil {
		return nil, nil
	}
	if err := k.inputs.Values(k.values); err != nil {
		return nil, err
	}
	out := make([]bool, len(k.values))
	for i, v := range k.values {
		out[i] = v != 0
	}
	return out, nil
}

func (k *kernelLines) close() error {
	var errs []error
	for _, l := range k.outputs {
		errs = append(errs, l.Close())
	}
	if k.inputs != nil {
		errs = append(errs, k.inputs.Close())
	}
	return errors.Join(errs...)
}
