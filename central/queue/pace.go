package queue

import (
	"math"
	"time"
)

// pace measures how many ranks are passed a second while people wait: admitted and
// silent ones alike, for the line gets shorter by both. It is not safe for
// concurrent use.
type pace struct {
	short, long float64 // exponentially weighted over a minute and over ten
	spread      float64 // weighted mean of how far a sample lies from short
	known       time.Duration
	rate        int
	passed      float64 // of the sample that is being taken
	over        time.Duration
}

const (
	paceSample = 2 * time.Second
	paceShort  = time.Minute
	paceLong   = 10 * time.Minute
)

// note adds what happened since the last call, in which people were waiting.
func (p *pace) note(passed uint32, over time.Duration, rate int) {
	if p.rate != rate { // the organiser's change is known before it can be measured
		by := float64(rate) / 60
		if p.rate > 0 {
			by = float64(rate) / float64(p.rate)
			p.short, p.long, p.spread = p.short*by, p.long*by, p.spread*by
		} else {
			p.short, p.long = by, by
		}
		p.rate = rate
	}
	p.passed += float64(passed)
	if p.over += over; p.over < paceSample {
		return
	}
	at := p.passed / p.over.Seconds()
	p.known += p.over
	// A mean over less than its span is over what there is.
	near := func(span time.Duration) float64 {
		return max(1-math.Exp(-p.over.Seconds()/span.Seconds()), min(0.5, p.over.Seconds()/p.known.Seconds()))
	}
	p.spread += near(paceShort) * (math.Abs(at-p.short) - p.spread)
	p.short += near(paceShort) * (at - p.short)
	p.long += near(paceLong) * (at - p.long)
	p.passed, p.over = 0, 0
}

// bounds returns ranks a second at best and at worst; zeros while nothing is known.
func (p *pace) bounds() (fast, slow float64) {
	if p.rate == 0 {
		return 0, 0
	}
	admitted := float64(p.rate) / 60
	fast = max(p.short, p.long)*1.1 + p.spread/4
	slow = max(min(p.short, p.long)*0.9-p.spread/4, admitted/4)
	if p.known < 30*time.Second { // hardly measured: some will be silent, perhaps most
		fast, slow = max(fast, 2*admitted), min(slow, 0.8*admitted)
	}
	return fast, min(slow, fast)
}
