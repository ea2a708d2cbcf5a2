//go:build !linux

package turnstile

import "errors"

func openChip(GPIOConfig, map[int]bool, []int, func(edge)) (lines, error) {
	return nil, errors.New("GPIO lines need Linux")
}
