// Logcheck reads a log's folder as it lies in the bucket and checks it with other people's code:
// golang.org/x/mod/sumdb/note for signatures, golang.org/x/mod/sumdb/tlog for trees and proofs. It knows
// C2SP tlog-tiles and tlog-checkpoint, and nothing of Postern: an entry is bytes.
//
//	logcheck -log DIR VKEY...                   the whole log
//	logcheck -proof FILE VKEY...                one tlog-proof file whose extra line holds the entry
//	logcheck -note FILE -witness VKEY VKEY...   a checkpoint and its cosignature
//
// The keys are the log's, all of one name: one that signs, and those that signed before it.
//
// It exits with 0 where everything holds, with 1 where something does not, and names it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// maxProved is how many leaves are proved one by one: all of a small log, evenly spread ones of a large one.
const maxProved = 3000

func main() {
	log := flag.String("log", "", "the log's folder")
	proof := flag.String("proof", "", "a tlog-proof file")
	signed := flag.String("note", "", "a signed checkpoint")
	witness := flag.String("witness", "", "a witness's verifier key")
	flag.Parse()
	said, err := run(*log, *proof, *signed, *witness, flag.Args())
	if err != nil {
		fmt.Println("does not hold:", err)
		os.Exit(1)
	}
	fmt.Println("holds:", said)
}

func run(log, proof, signed, witness string, vkeys []string) (string, error) {
	keys, err := newLogKeys(vkeys)
	if err != nil {
		return "", err
	}
	switch {
	case log != "":
		return checkLog(log, keys)
	case proof != "":
		return checkProof(proof, keys)
	case signed != "":
		return checkCosigned(signed, keys, witness)
	}
	return "", errors.New("expected -log, -proof or -note")
}

// checkLog checks everything that a log's latest checkpoint promises.
func checkLog(dir string, keys logKeys) (string, error) {
	latest, err := readCheckpoint(filepath.Join(dir, "checkpoint"), keys)
	if err != nil {
		return "", err
	}
	hashes, err := readEntries(dir, latest.N)
	if err != nil {
		return "", err
	}
	root, err := tlog.TreeHash(latest.N, hashes)
	if err != nil {
		return "", err
	}
	if root != latest.Hash {
		return "", fmt.Errorf("the entries give the root %v, the checkpoint says %v", root, latest.Hash)
	}
	checkpoints, err := readCheckpoints(dir, keys)
	if err != nil {
		return "", err
	}
	if len(checkpoints) == 0 || checkpoints[len(checkpoints)-1] != latest {
		return "", errors.New("the latest checkpoint is not the last of those that are kept")
	}
	tiles, err := checkTiles(dir, checkpoints, hashes)
	if err != nil {
		return "", err
	}
	// From here on hashes come from the tiles, which the reader checks against the signed root.
	reader := tlog.TileHashReader(latest, tileFolder(dir))
	if err := checkConsistency(checkpoints, reader); err != nil {
		return "", err
	}
	proved, err := checkInclusion(dir, latest, reader)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries, %d tiles, %d checkpoints, %d leaves proved", latest.N, tiles, len(checkpoints), proved), nil
}

// readCheckpoints opens every kept checkpoint, in order of size.
func readCheckpoints(dir string, keys logKeys) ([]tlog.Tree, error) {
	files, err := os.ReadDir(filepath.Join(dir, "checkpoints"))
	if err != nil {
		return nil, err
	}
	var trees []tlog.Tree
	for _, file := range files {
		tree, err := readCheckpoint(filepath.Join(dir, "checkpoints", file.Name()), keys)
		if err != nil {
			return nil, err
		}
		if file.Name() != strconv.FormatInt(tree.N, 10) {
			return nil, fmt.Errorf("checkpoints/%s: the note says size %d", file.Name(), tree.N)
		}
		trees = append(trees, tree)
	}
	sort.Slice(trees, func(i, j int) bool { return trees[i].N < trees[j].N })
	return trees, nil
}

// checkTiles compares every tile that each checkpoint's tree is stored in with the hashes of the entries.
func checkTiles(dir string, checkpoints []tlog.Tree, hashes tlog.HashReader) (int, error) {
	var count int
	var size int64
	for _, tree := range checkpoints {
		for _, tile := range newTiles(size, tree.N) {
			expected, err := tlog.ReadTileData(tile, hashes)
			if err != nil {
				return 0, err
			}
			stored, err := os.ReadFile(filepath.Join(dir, tilePath(tile)))
			if err != nil {
				return 0, err
			}
			if !bytes.Equal(stored, expected) {
				return 0, fmt.Errorf("%s is not what the entries give", tilePath(tile))
			}
			count++
		}
		// The bundle that was last when this checkpoint was signed.
		if err := checkLastBundle(dir, tree.N, hashes); err != nil {
			return 0, err
		}
		size = tree.N
	}
	return count, nil
}

func checkLastBundle(dir string, size int64, hashes tlog.HashReader) error {
	width := size % tileWidth
	if width == 0 {
		return nil
	}
	entries, err := readBundle(dir, size/tileWidth, int(width))
	if err != nil {
		return err
	}
	for i, entry := range entries {
		index := tlog.StoredHashIndex(0, size-width+int64(i))
		expected, err := hashes.ReadHashes([]int64{index})
		if err != nil {
			return err
		}
		if tlog.RecordHash(entry) != expected[0] {
			return fmt.Errorf("%s: entry %d is another one than in the later bundle", bundlePath(size/tileWidth, int(width)), i)
		}
	}
	return nil
}

// checkConsistency proves that each checkpoint's tree continues the one before it, and all of them the first.
func checkConsistency(checkpoints []tlog.Tree, reader tlog.HashReader) error {
	for i := 1; i < len(checkpoints); i++ {
		for _, earlier := range []tlog.Tree{checkpoints[i-1], checkpoints[0]} {
			later := checkpoints[i]
			if earlier.N == 0 {
				continue
			}
			proof, err := tlog.ProveTree(later.N, earlier.N, reader)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, later.N, later.Hash, earlier.N, earlier.Hash); err != nil {
				return fmt.Errorf("checkpoints/%d does not continue checkpoints/%d: %w", later.N, earlier.N, err)
			}
		}
	}
	return nil
}

// checkInclusion proves entries, as they are in their bundles, from the tiles alone.
func checkInclusion(dir string, tree tlog.Tree, reader tlog.HashReader) (int, error) {
	var proved int
	step := tree.N/maxProved + 1
	for first := int64(0); first < tree.N; first += tileWidth {
		width := tileWidth
		if tree.N-first < tileWidth {
			width = int(tree.N - first)
		}
		entries, err := readBundle(dir, first/tileWidth, width)
		if err != nil {
			return 0, err
		}
		for i, entry := range entries {
			index := first + int64(i)
			if index%step != 0 && index != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, reader)
			if err != nil {
				return 0, err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
				return 0, fmt.Errorf("entry %d: %w", index, err)
			}
			proved++
		}
	}
	return proved, nil
}
