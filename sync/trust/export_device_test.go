//go:build !js

package trust

// CertifiedEvents reads the events that a certificate names.
var CertifiedEvents = certifiedEvents
