package keep

// Sip is the keyed hash of the nonces.
var Sip = sip
