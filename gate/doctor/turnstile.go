package doctor

import "context"

// Turnstile checks that the turnstile of a gate that does not run answers and is in
// service. It unlocks nothing.
type Turnstile struct {
	// Try opens the turnstile, looks how it is, and closes it again. An empty hint
	// means that it takes people.
	Try func(ctx context.Context) (found, hint string, err error)
}

// Name returns "turnstile".
func (Turnstile) Name() string { return "turnstile" }

// Look tries it.
func (t Turnstile) Look(ctx context.Context) Finding {
	found, hint, err := t.Try(ctx)
	switch {
	case err != nil:
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, "check its plug and [turnstile] in the config")}
	case hint != "":
		return Finding{Level: Fail, Found: found, Advice: hint}
	}
	return Finding{Found: found}
}
