package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Certificate checks the device's identity and how long it lasts.
type Certificate struct {
	// Load returns the certificate in force. An error with a method
	// Hint() string brings its own advice.
	Load func() (*x509.Certificate, error)
	Now  func() time.Time
}

// Name returns "certificate".
func (Certificate) Name() string { return "certificate" }

// Look reads the certificate.
func (c Certificate) Look(context.Context) Finding {
	cert, err := c.Load()
	if err != nil {
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, "enrol this device: gate enrol STRING")}
	}
	now := c.Now()
	left := cert.NotAfter.Sub(now)
	f := Finding{Found: fmt.Sprintf("%s (%s), %d days left, until %s", cert.Subject.CommonName, unit(cert), int(left.Hours()/24), cert.NotAfter.UTC().Format(time.DateOnly))}
	switch {
	case now.Before(cert.NotBefore):
		f.Level, f.Found = Fail, fmt.Sprintf("valid only from %s, this device says it is %s", cert.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		f.Advice = "set this device's clock"
	case left <= 0:
		f.Level, f.Found = Fail, fmt.Sprintf("%s expired %s", cert.Subject.CommonName, cert.NotAfter.UTC().Format(time.RFC3339))
		f.Advice = "the gate still decides, but uploads nothing: check the clock, then enrol anew with a new code"
	case left < cert.NotAfter.Sub(cert.NotBefore)/6:
		f.Level, f.Advice = Warn, "renewal should have happened by itself: check the way to central's device port"
	}
	return f
}

func unit(c *x509.Certificate) string {
	if len(c.Subject.OrganizationalUnit) == 0 {
		return "no role"
	}
	return c.Subject.OrganizationalUnit[0]
}

func adviceOf(err error, otherwise string) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	return otherwise
}
