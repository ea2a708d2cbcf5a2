package credential_test

import (
	"context"
	"testing"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

// benched is a verifier with a status list, and a holder's staff credential of it.
func benched(b *testing.B, issuer party) (*credential.Verifier, party, string) {
	b.Helper()
	holder := newP256(b, "holder")
	list := []byte(listOf(b, issuer, 1))
	v := newVerifier(b, credential.Config{
		Issuers: []trust.Issuer{listed(issuer)}, Statuses: func(string) ([]byte, bool) { return list, true },
	})
	c := staffOf(holder)
	c.Status = &credential.StatusRef{List: someList, Index: 94567}
	return v, holder, issue(b, issuer, c)
}

func BenchmarkCredential(b *testing.B) {
	for _, issuer := range []party{newEd25519(b, "registrar"), newP256(b, "registrar")} {
		b.Run(issuer.Public().Algorithm().String(), func(b *testing.B) {
			v, _, jwt := benched(b, issuer)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Credential(context.Background(), jwt, someTime); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPresentation(b *testing.B) {
	v, holder, jwt := benched(b, newEd25519(b, "registrar"))
	vp := present(b, holder, jwt)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Presentation(context.Background(), vp, wanted, someTime); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefused(b *testing.B) {
	v, holder, jwt := benched(b, newEd25519(b, "registrar"))
	vp := present(b, holder, jwt)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Presentation(context.Background(), vp, credential.Want{Audience: "another", Nonce: someNonce}, someTime); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkPack(b *testing.B) {
	v, holder, jwt := benched(b, newEd25519(b, "registrar"))
	_ = v
	vp := present(b, holder, jwt)
	packed, err := credential.Pack(vp)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Pack", func(b *testing.B) {
		for b.Loop() {
			if _, err := credential.Pack(vp); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Unpack", func(b *testing.B) {
		for b.Loop() {
			if _, err := credential.Unpack(packed); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStatusList(b *testing.B) {
	issuer := newEd25519(b, "registrar")
	v := verifierOf(b, issuer)
	list := []byte(listOf(b, issuer, 1, 5, 4711))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.StatusList(context.Background(), list, someList, someTime); err != nil {
			b.Fatal(err)
		}
	}
}
