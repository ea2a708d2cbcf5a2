// Command registrar issues the credentials that conting knows, keeps a book of
// them, and publishes which were revoked. It is for demonstrations, for tests, and
// for an organiser who accredits staff; a public office has a registrar of its own
// and needs only to speak the same language, which is this.
//
// # A registrar
//
// is a DID: a did:key of Ed25519 or P-256, or a did:web whose document has such a
// key in verificationMethod (publicKeyMultibase or publicKeyJwk) and names it in
// assertionMethod. It introduces itself to central with the JSON that "registrar
// issuer" prints; an administrator decides whether to list it, and for which of
// the kinds "family", "age" and "staff". Gates learn of it with the signed trust
// list and never ask the registrar anything.
//
// # A credential
//
// is a compact JWS (RFC 7515) of W3C Verifiable Credentials Data Model 1.1 in its
// JWT form. The header has alg (EdDSA or ES256), kid (the DID URL of the key) and
// perhaps typ "JWT", and nothing else. The payload has exactly
//
//	{"iss": the registrar's DID, "sub": the holder's did:key, "jti": a URI,
//	 "nbf": Unix seconds, "exp": Unix seconds,            // perhaps "iat"
//	 "vc": {"@context": ["https://www.w3.org/2018/credentials/v1"],
//	        "type": ["VerifiableCredential", KIND],
//	        "credentialSubject": {...},
//	        "credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": "revocation",
//	                             "statusListIndex": "94567", "statusListCredential": URL}}}
//
// where KIND and credentialSubject (besides its id, if it is repeated) are one of
//
//	FamilyRelationCredential   {"relation": "parent", "relative": did:key}   the subject is the relative's parent
//	AgeCredential              {"over": 19}
//	StaffCredential            {"role": "stage crew", "events": [1001], "class": 3}
//
// Members repeated in vc (id, issuer as text, issuanceDate, expirationDate) must
// agree with the claims. Other members, null, and a member twice are refused; so
// is a text of more than 4 KiB. credentialStatus may be left out: then the
// credential cannot be revoked and should not last.
//
// # A status list
//
// is a Bitstring Status List v1.0 signed in the same way, with jti and
// statusListCredential the URL it is at, and type BitstringStatusListCredential.
// It has at least 131,072 entries, ends some days after it begins, and is signed
// anew with a later nbf before that, and at once after a revocation.
//
// Package sync/credential reads and writes all of this; its golden vectors stand in
// testdata/credential.
//
// The command trusts its folder, which holds the key and the book, and whoever may
// run it: it does not know whether what it is told to certify is true. It has no
// network but for "serve". Results go to standard output, everything else to
// standard error with a "registrar: " prefix.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	a := &app{out: os.Stdout, err: os.Stderr, now: time.Now}
	code := a.program().Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
