package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// logKeys are verifiers of one name, which is the log's origin.
type logKeys []note.Verifier

func newLogKeys(vkeys []string) (logKeys, error) {
	var keys logKeys
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, err
		}
		if len(keys) > 0 && verifier.Name() != keys[0].Name() {
			return nil, errors.New("expected keys of one log")
		}
		keys = append(keys, verifier)
	}
	if len(keys) == 0 {
		return nil, errors.New("expected a verifier key")
	}
	return keys, nil
}

// readCheckpoint opens a checkpoint that one of the log's keys signed.
func readCheckpoint(path string, keys logKeys) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := openCheckpoint(data, keys)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", path, err)
	}
	return tree, nil
}

func openCheckpoint(data []byte, keys logKeys) (tlog.Tree, error) {
	opened, err := note.Open(data, note.VerifierList(keys...))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, errors.New("a checkpoint has three lines")
	}
	if lines[0] != keys[0].Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is of %q", lines[0])
	}
	size, err := parseSize(lines[1])
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// parseSize reads a number in its one decimal spelling.
func parseSize(text string) (int64, error) {
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, err
	}
	if size < 0 || strconv.FormatInt(size, 10) != text {
		return 0, fmt.Errorf("%q is not how a size is written", text)
	}
	return size, nil
}

// checkProof checks a tlog-proof file against the key alone.
func checkProof(path string, keys logKeys) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	head, signed, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", errors.New("not a proof file with an entry")
	}
	extra, index := strings.TrimPrefix(lines[1], "extra "), strings.TrimPrefix(lines[2], "index ")
	if extra == lines[1] || index == lines[2] {
		return "", errors.New("expected an extra and an index line")
	}
	entry, err := base64.StdEncoding.Strict().DecodeString(extra)
	if err != nil {
		return "", err
	}
	at, err := parseSize(index)
	if err != nil {
		return "", err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return "", err
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint([]byte(signed), keys)
	if err != nil {
		return "", err
	}
	if at >= tree.N {
		return "", fmt.Errorf("a tree of %d has no leaf %d", tree.N, at)
	}
	return fmt.Sprintf("entry %d of %d", at, tree.N), tlog.CheckRecord(proof, tree.N, tree.Hash, at, tlog.RecordHash(entry))
}

// checkCosigned checks a checkpoint that a witness cosigned (C2SP tlog-cosignature).
func checkCosigned(path string, keys logKeys, vkey string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	cosigner, err := newWitness(vkey)
	if err != nil {
		return "", err
	}
	tree, err := openCheckpoint(data, keys)
	if err != nil {
		return "", err
	}
	if _, err := note.Open(data, note.VerifierList(cosigner)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries, seen by %s", tree.N, cosigner.name), nil
}

// witness is a note.Verifier of cosignatures, which the note package does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

const cosignature = 4

func newWitness(vkey string) (*witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("a verifier key has three parts")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignature {
		return nil, errors.New("not a witness's key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(sum[:4]) != parts[1] {
		return nil, errors.New("the id is of another key")
	}
	return &witness{parts[0], binary.BigEndian.Uint32(sum[:4]), key[1:]}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(w.key, []byte(signed), sig[8:])
}
