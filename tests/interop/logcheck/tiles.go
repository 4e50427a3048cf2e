package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tilePath is where C2SP tlog-tiles puts a tile. The Go checksum database has its tiles' height in the path too.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

func bundlePath(index int64, width int) string {
	tile := tlog.Tile{H: tileHeight, L: 0, N: index, W: width}
	return strings.Replace(tilePath(tile), "tile/0/", "tile/entries/", 1)
}

// newTiles lists what a tree is stored in that the one before it was not: the tiles that became full, and the
// partial one at the right edge of each level. (tlog.NewTiles lists every width in between as well.)
func newTiles(size, larger int64) []tlog.Tile {
	var tiles []tlog.Tile
	for level := 0; larger > 0; level++ {
		for index := size / tileWidth; index < larger/tileWidth; index++ {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: index, W: tileWidth})
		}
		if width := larger % tileWidth; width > 0 {
			tiles = append(tiles, tlog.Tile{H: tileHeight, L: level, N: larger / tileWidth, W: int(width)})
		}
		size, larger = size/tileWidth, larger/tileWidth
	}
	return tiles
}

// tileFolder gives tlog the tiles in a folder.
type tileFolder string

func (dir tileFolder) Height() int { return tileHeight }

func (dir tileFolder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(dir), tilePath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (dir tileFolder) SaveTiles([]tlog.Tile, [][]byte) {}

// readBundle reads the entries of a bundle, of which there are exactly width.
func readBundle(dir string, index int64, width int) ([][]byte, error) {
	path := bundlePath(index, width)
	data, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(entries) < width {
		if len(data) < 2 {
			return nil, fmt.Errorf("%s: ends after %d entries of %d", path, len(entries), width)
		}
		length := int(binary.BigEndian.Uint16(data))
		if data = data[2:]; len(data) < length {
			return nil, fmt.Errorf("%s: ends inside entry %d", path, len(entries))
		}
		entries, data = append(entries, data[:length]), data[length:]
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("%s: %d bytes after the last entry", path, len(data))
	}
	return entries, nil
}

// readEntries gives all hashes of the tree over the log's entries, computed from nothing else.
func readEntries(dir string, size int64) (tlog.HashReader, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, fmt.Errorf("a tree of %d entries has no hash %d", size, index)
			}
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for first := int64(0); first < size; first += tileWidth {
		width := tileWidth
		if size-first < tileWidth {
			width = int(size - first)
		}
		entries, err := readBundle(dir, first/tileWidth, width)
		if err != nil {
			return nil, err
		}
		for i, entry := range entries {
			hashes, err := tlog.StoredHashes(first+int64(i), entry, reader)
			if err != nil {
				return nil, err
			}
			stored = append(stored, hashes...)
		}
	}
	return reader, nil
}
