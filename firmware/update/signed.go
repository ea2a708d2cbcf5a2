//go:build !tinygo

package update

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
)

// The errors that a caller branches on.
var (
	ErrMalformed    = errors.New("no firmware image")
	ErrBadSignature = errors.New("wrong signature")
	ErrWrongBoard   = errors.New("image is for another board")
)

// MaxImage is the longest image, in bytes.
const MaxImage = 1 << 20

// domain separates this signature from everything else that is signed.
const domain = "conting/firmware/v1\x00"

const imageAt = HeaderSize + ed25519.SignatureSize

// Image is an image out of its file.
type Image struct {
	Header
	Transfer []byte // what the controller is sent: the header and the image
}

// Pack signs an image. The signer must be of Ed25519.
func Pack(image []byte, board uint16, version uint32, key crypto.Signer) ([]byte, error) {
	if len(image) == 0 || len(image) > MaxImage {
		return nil, fmt.Errorf("image of %d bytes, want 1 to %d: %w", len(image), MaxImage, ErrMalformed)
	}
	if version == 0 || version > MaxVersion {
		return nil, fmt.Errorf("version %d, want 1 to %d: %w", version, MaxVersion, ErrMalformed)
	}
	if _, ok := key.Public().(ed25519.PublicKey); !ok {
		return nil, fmt.Errorf("firmware key is a %T, want Ed25519: %w", key.Public(), ErrBadSignature)
	}
	raw := [HeaderSize]byte(HeaderOf(image, board, version))
	signature, err := key.Sign(nil, signed(&raw), crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("sign firmware image %d: %w", version, err)
	}
	if len(signature) != ed25519.SignatureSize {
		return nil, fmt.Errorf("signature of %d bytes: %w", len(signature), ErrBadSignature)
	}
	file := make([]byte, 0, imageAt+len(image))
	file = append(file, raw[:]...)
	file = append(file, signature...)
	return append(file, image...), nil
}

// HeaderOf returns the header of an image, for whoever programs a new board: a
// panel sends nothing that is not signed.
func HeaderOf(image []byte, board uint16, version uint32) []byte {
	h := Header{Board: board, Version: version, Length: uint32(len(image)), Hash: sha256.Sum256(image)} // #nosec G115 -- at most MaxImage
	var raw [HeaderSize]byte
	h.Put(&raw)
	return raw[:]
}

// Read reads what [Pack] wrote, without a look at the signature: it proves nothing
// about who made the image. Errors wrap [ErrMalformed].
func Read(file []byte) (*Image, error) {
	if len(file) <= imageAt || len(file) > imageAt+MaxImage {
		return nil, fmt.Errorf("file of %d bytes: %w", len(file), ErrMalformed)
	}
	raw, image := (*[HeaderSize]byte)(file), file[imageAt:]
	v := new(Image)
	if !v.Parse(raw) {
		return nil, fmt.Errorf("header: %w", ErrMalformed)
	}
	if int(v.Length) != len(image) {
		return nil, fmt.Errorf("%d bytes after the header, which tells of %d: %w", len(image), v.Length, ErrMalformed)
	}
	if v.Hash != sha256.Sum256(image) {
		return nil, fmt.Errorf("image does not have its header's hash: %w", ErrMalformed)
	}
	v.Transfer = make([]byte, 0, HeaderSize+len(image))
	v.Transfer = append(append(v.Transfer, raw[:]...), image...)
	return v, nil
}

// Verify is Read of a file that must be signed with the firmware key. Errors wrap
// [ErrMalformed] or [ErrBadSignature].
func Verify(file []byte, key ed25519.PublicKey) (*Image, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("firmware key of %d bytes, want %d: %w", len(key), ed25519.PublicKeySize, ErrBadSignature)
	}
	v, err := Read(file)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(key, signed((*[HeaderSize]byte)(file)), file[HeaderSize:imageAt]) {
		return nil, ErrBadSignature
	}
	return v, nil
}

// Fits refuses a board that the image is not for, with [ErrWrongBoard].
func (v *Image) Fits(board uint16) error {
	if v.Board != board {
		return fmt.Errorf("image for %s, not for %s: %w", BoardName(v.Board), BoardName(board), ErrWrongBoard)
	}
	return nil
}

// signed is what the signature is over.
func signed(raw *[HeaderSize]byte) []byte {
	return append([]byte(domain), raw[:]...)
}
