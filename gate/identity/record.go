package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// The files of an identity, each at most maxFile bytes.
const (
	certificateFile = "certificate.pem" // leaf first; the only file that changes
	authorityFile   = "authority.pem"   // who vouched for central at enrolment
	anchorFile      = "anchor.cbor"
	listFile        = "trust.cbor"
	recordFile      = "enrolment.json" // written last

	maxFile  = 2 << 20
	pemCert  = "CERTIFICATE"
	maxChain = 4
)

// record is what central told this device about itself. It holds no secret.
type record struct {
	Device   ticket.DeviceID  `json:"device"`
	Role     trust.Role       `json:"role"`
	Events   []ticket.EventID `json:"events"`
	Gate     string           `json:"gate"`
	Brokers  []Endpoint       `json:"mqtt"`
	API      string           `json:"api"`
	Fleet    string           `json:"fleet"`
	Enrolled time.Time        `json:"enrolled"`
}

// Load reads the identity in dir. The error wraps [ErrNotEnrolled] when there
// is none, [ErrPermissions] when others may read it and [ErrIncomplete] when it
// is damaged. An expired certificate is no error: the gate works without
// central, and renewal or doctor deal with it.
func Load(dir string, now func() time.Time) (*Identity, error) {
	const op = "load identity"
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fail(op, "get an enrolment string from the console and run: gate enrol STRING", "%s: %w", dir, ErrNotEnrolled)
	}
	id, err := read(dir, now)
	if err == nil {
		return id, nil
	}
	var known *Error
	if errors.As(err, &known) {
		return nil, err
	}
	hint := "restore the folder " + dir + " from a backup, or move it away and enrol anew"
	if !errors.Is(err, ErrIncomplete) {
		if errors.Is(err, fs.ErrPermission) {
			return nil, fail(op, "run as the user that owns "+dir, "%w", err)
		}
		return nil, fail(op, hint, "%w: %w", ErrIncomplete, err)
	}
	return nil, fail(op, hint, "%w", err)
}

func read(dir string, now func() time.Time) (*Identity, error) {
	key, err := readKey(dir)
	if err != nil {
		return nil, err
	}
	parts := map[string][]byte{certificateFile: nil, authorityFile: nil, anchorFile: nil, listFile: nil, recordFile: nil}
	for name := range parts {
		if parts[name], err = readFile(filepath.Join(dir, name), maxFile); err != nil {
			return nil, err
		}
	}
	var rec record
	if err := json.Unmarshal(parts[recordFile], &rec); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", recordFile, ErrIncomplete, err)
	}
	if _, err := ticket.ParseDeviceID(string(rec.Device)); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", recordFile, ErrIncomplete, err)
	}
	anchor, err := trust.ParseAnchor(parts[anchorFile])
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", anchorFile, ErrIncomplete, err)
	}
	chain, err := parseChain(parts[certificateFile], maxChain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", certificateFile, ErrIncomplete, err)
	}
	authorities, err := parseChain(parts[authorityFile], trust.MaxDeviceCAs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", authorityFile, ErrIncomplete, err)
	}
	return assemble(dir, rec, key, anchor, parts[listFile], chain, authorities, now)
}

func assemble(dir string, rec record, key crypto.Signer, anchor trust.Anchor, list []byte, chain, authorities [][]byte, now func() time.Time) (*Identity, error) {
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if !sameKey(leaf, key) {
		return nil, errors.New("the certificate is not for the device key")
	}
	roots, err := poolOf(authorities)
	if err != nil {
		return nil, err
	}
	signer, err := trust.NewSigner(key)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	return &Identity{
		dir: dir, record: rec, key: key, signer: signer, anchor: anchor, list: list, now: now,
		leaf: leaf, chain: chain, roots: roots,
	}, nil
}

func sameKey(leaf *x509.Certificate, key crypto.Signer) bool {
	pub, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	return ok && pub.Equal(key.Public())
}

// parseChain reads 1 to most PEM certificates and nothing else.
func parseChain(data []byte, most int) ([][]byte, error) {
	var chain [][]byte
	for rest := bytes.TrimSpace(data); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil || block.Type != pemCert:
			return nil, errors.New("not a PEM certificate")
		case len(chain) == most:
			return nil, fmt.Errorf("more than %d certificates", most)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, err
		}
		chain = append(chain, block.Bytes)
	}
	if len(chain) == 0 {
		return nil, errors.New("no certificate")
	}
	return chain, nil
}

func encodeChain(chain [][]byte) []byte {
	var out bytes.Buffer
	for _, der := range chain {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: pemCert, Bytes: der}))
	}
	return out.Bytes()
}
