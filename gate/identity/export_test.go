package identity

// WithStep returns the config with a hook that runs before each change on
// disk; an error from it stops the enrolment as a power cut would.
func (c EnrolConfig) WithStep(step func(string) error) EnrolConfig {
	c.step = step
	return c
}

// MaxAnswer is the most that central may answer.
const MaxAnswer = maxAnswer
