// Evidence checked by Go libraries that others wrote: notes and signatures by golang.org/x/mod and transparency-dev/formats,
// Merkle paths by transparency-dev/merkle. Only how a file is cut into sections is ours (schemas/FORMATS.md, sections 9, 10).
//
//	foreign FILE LOG-KEY WITNESS-KEY…     medtrace/proof/v1 or medtrace/consistency/v1; keys as C2SP verifier keys
//
// Prints who signed which checkpoint, one line each, and ends with 0; or says what does not hold, and ends with 1.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	witness "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

const itemsOfRecord = 512

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("give a file, the log's verifier key and those of witnesses")
	}
	keys, err := verifiers(arguments[1], arguments[2:])
	if err != nil {
		return err
	}
	file, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	kind, rest, _ := strings.Cut(string(file), "\n")
	sections := cut(rest)
	switch kind {
	case "medtrace/proof/v1":
		return item(sections, keys)
	case "medtrace/consistency/v1":
		return grown(sections, keys)
	}
	return fmt.Errorf("%s is not checked here", kind)
}

func verifiers(log string, witnesses []string) ([]note.Verifier, error) {
	first, err := note.NewVerifier(log)
	if err != nil {
		return nil, err
	}
	keys := []note.Verifier{first}
	for _, text := range witnesses {
		key, err := witness.NewVerifierForCosignatureV1(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// A section of a file: its line, the text behind "|", and the hashes of its path.
type section struct {
	words []string
	text  string
	path  [][]byte
}

func cut(file string) []section {
	var sections []section
	for line := range strings.Lines(file) {
		if text, is := strings.CutPrefix(line, "|"); is && len(sections) > 0 {
			sections[len(sections)-1].text += text
		} else if hash, is := strings.CutPrefix(line, "path "); is && len(sections) > 0 {
			decoded, _ := base64.StdEncoding.DecodeString(strings.TrimSuffix(hash, "\n"))
			sections[len(sections)-1].path = append(sections[len(sections)-1].path, decoded)
		} else {
			sections = append(sections, section{words: strings.Fields(line)})
		}
	}
	return sections
}

// The sections of this name.
func named(sections []section, name string) []section {
	return slices.DeleteFunc(slices.Clone(sections), func(s section) bool { return len(s.words) == 0 || s.words[0] != name })
}

// A checkpoint of the log: size and root.
func checkpoint(text string, keys []note.Verifier) (uint64, []byte, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(keys...))
	if err != nil {
		return 0, nil, err
	}
	if len(opened.UnverifiedSigs) > 0 || opened.Sigs[0].Name != keys[0].Name() {
		return 0, nil, errors.New("not signed by the log first, or by somebody unknown")
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 3 || lines[0] != keys[0].Name() {
		return 0, nil, errors.New("no checkpoint of this log")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return 0, nil, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	for _, signature := range opened.Sigs {
		fmt.Printf("%d %s\n", size, signature.Name)
	}
	return size, root, err
}

func grown(sections []section, keys []note.Verifier) error {
	if len(sections) != 2 {
		return errors.New("from and to")
	}
	before, one, err := checkpoint(sections[0].text, keys)
	if err != nil {
		return err
	}
	after, other, err := checkpoint(sections[1].text, keys)
	if err != nil {
		return err
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, before, after, sections[1].path, one, other)
}

// The way of an item from its leaf up to the checkpoint.
func item(sections []section, keys []note.Verifier) error {
	one := func(name string, words int) section {
		if found := named(sections, name); len(found) == 1 && len(found[0].words) == words {
			return found[0]
		}
		return section{words: make([]string, words)}
	}
	said, submission, header := one("item", 3), one("submission", 1), one("header", 1)
	lines := strings.Split(header.text, "\n")
	if len(lines) < 6 {
		return errors.New("no header")
	}
	var height, idx uint64
	if _, err := fmt.Sscanf(one("event", 2).words[1], "%d-%d", &height, &idx); err != nil {
		return fmt.Errorf("the name of the item: %w", err)
	}
	size, root, err := checkpoint(one("checkpoint", 1).text, keys)
	if err != nil {
		return err
	}
	if err := inclusion("header", height, size, []byte(header.text), header.path, root); err != nil {
		return err
	}
	if lines[2] != strconv.FormatUint(height, 10) {
		return errors.New("the header is of another height")
	}
	before, in, err := cutOf(lines, idx/itemsOfRecord)
	if err != nil {
		return err
	}
	leaf := append([]byte("S"), submission.text...)
	if err := inclusion("submission", idx/itemsOfRecord-before, in.size, leaf, submission.path, in.root); err != nil {
		return err
	}
	count, itemsRoot, signers, err := signed(submission.text)
	if err != nil {
		return err
	}
	salt, err := base64.StdEncoding.DecodeString(said.words[2])
	if err != nil {
		return err
	}
	bytes := strings.TrimSuffix(said.text, "\n")
	leaf = slices.Concat([]byte(said.words[1]), salt, []byte(bytes))
	if err := inclusion("item", idx%itemsOfRecord, count, leaf, said.path, itemsRoot); err != nil {
		return err
	}
	return valid(named(sections, "key"), signers, lines)
}

func inclusion(of string, index, size uint64, leaf []byte, path [][]byte, root []byte) error {
	hash := rfc6962.DefaultHasher.HashLeaf(leaf)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, hash, path, root); err != nil {
		return fmt.Errorf("%s: %w", of, err)
	}
	return nil
}

type tree struct {
	size uint64
	root []byte
}

// The tree in a line of the header: its size and root are the last two words.
func treeOf(line string) (tree, error) {
	words := strings.Fields(line)
	if len(words) < 3 {
		return tree{}, errors.New("no tree in " + line)
	}
	size, err := strconv.ParseUint(words[len(words)-2], 10, 64)
	if err != nil {
		return tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(words[len(words)-1])
	return tree{size, root}, err
}

// The cut that holds this record of the block, and how many records stand before it.
func cutOf(header []string, ordinal uint64) (before uint64, found tree, err error) {
	for _, line := range header {
		if !strings.HasPrefix(line, "cut ") {
			continue
		}
		if found, err = treeOf(line); err != nil || ordinal < before+found.size {
			return before, found, err
		}
		before += found.size
	}
	return 0, tree{}, errors.New("the header has no such record")
}

// Count and root of a submission's items, and its public keys, each of which has signed under the party's name.
func signed(text string) (count uint64, root []byte, keys []string, err error) {
	body, _, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(body, "\n")
	if len(lines) < 8 {
		return 0, nil, nil, errors.New("no submission")
	}
	party, keys := lines[3], lines[4:len(lines)-3]
	var known []note.Verifier
	for _, key := range keys {
		public, err := base64.StdEncoding.DecodeString(key)
		if err != nil {
			return 0, nil, nil, err
		}
		verifier, err := note.NewEd25519VerifierKey(party, ed25519.PublicKey(public))
		if err != nil {
			return 0, nil, nil, err
		}
		made, err := note.NewVerifier(verifier)
		if err != nil {
			return 0, nil, nil, err
		}
		known = append(known, made)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(known...))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("submission: %w", err)
	}
	if len(opened.Sigs) != len(keys) || len(opened.UnverifiedSigs) > 0 {
		return 0, nil, nil, errors.New("submission: not exactly the declared signatures")
	}
	items, err := treeOf("items " + strings.Join(lines[len(lines)-2:], " "))
	return items.size, items.root, keys, err
}

// Each key of the submission is among those of the header.
func valid(entries []section, keys []string, header []string) error {
	if len(entries) != len(keys) {
		return errors.New("key: one entry for each public key")
	}
	among, err := treeOf(header[5])
	if err != nil {
		return err
	}
	for at, entry := range entries {
		lines := strings.Split(entry.text, "\n")
		if len(lines) < 3 || lines[2] != keys[at] {
			return errors.New("key: the entry of another key")
		}
		index, err := strconv.ParseUint(entry.words[len(entry.words)-1], 10, 64)
		if err != nil {
			return err
		}
		if err := inclusion("key", index, among.size, []byte(entry.text), entry.path, among.root); err != nil {
			return err
		}
	}
	return nil
}
