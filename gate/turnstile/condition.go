package turnstile

// Condition is how a lane is at this moment, for screens and checks.
type Condition struct {
	// Word is stable: "ready", "no_answer" (nothing comes from the device),
	// "wrong_key", "refused" (the device offers less security than it must),
	// "strange" (it is none that we can drive), "fire", "jam", "forced" or "fault".
	Word string

	Note string // what else is worth telling, with figures
	Hint string // what to do; empty while the lane is ready
}

// Serves reports whether the lane takes grants.
func (c Condition) Serves() bool { return c.Word == wordReady }

const (
	wordReady    = "ready"
	wordNoAnswer = "no_answer"
	wordWrongKey = "wrong_key"
	wordRefused  = "refused"
	wordStrange  = "strange"
	wordForced   = "forced"
)

// condition describes a lane that is stuck, or not with zero.
func condition(stuck Kind) Condition {
	switch stuck {
	case Free:
		return Condition{Word: "fire", Note: "it stands open for everybody", Hint: "once nobody is in danger: close the release loop, and restore the lane by its key if it waits for that"}
	case Jam:
		return Condition{Word: "jam", Note: "it reports an alarm or a jam", Hint: "send somebody to the lane: free the rotor and look at its sensors"}
	case Fault:
		return Condition{Word: "fault", Note: "it is out of service or its wires are away", Hint: "look at the turnstile's supply, its plug and its service switch"}
	case Armed, Passed, Expired, TurnedBack, Forced, Ready:
	}
	return Condition{Word: wordReady}
}

// Condition tells how the lane is.
func (s *Software) Condition() Condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := condition(s.stuck)
	if c.Serves() {
		c.Note = "made of timers: nothing turns"
	}
	return c
}

// Condition tells how the lane is.
func (w *Wired) Condition() Condition {
	if !w.heard.Load() {
		return Condition{Word: wordNoAnswer, Note: "its contacts were not read yet, or are away", Hint: "check the plug of the wires and [turnstile] in the configuration"}
	}
	return condition(Kind(w.told.Load())) //nolint:gosec // it was a Kind
}
