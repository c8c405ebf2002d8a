package host

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// NoVerityError says that a file cannot have fs-verity where it is.
type NoVerityError struct {
	Why string
	Err error
}

func (e *NoVerityError) Error() string { return e.Why }

// Unwrap returns what the kernel said.
func (e *NoVerityError) Unwrap() error { return e.Err }

const (
	// verityBlock is the size of the blocks that are hashed, of the file and of the tree above it. It is the one
	// that kernels before 6.3 know, whose pages are of this size.
	verityBlock = 4096
	// verityLog is its logarithm.
	verityLog = 12
	// veritySHA256 is FS_VERITY_HASH_ALG_SHA256.
	veritySHA256 = 1
	// verityDescriptor is the size of struct fsverity_descriptor.
	verityDescriptor = 256
)

// VerityDigest computes what the kernel measures of a file of size bytes that r reads and that EnableVerity was
// called for: the SHA-256 of the descriptor of a Merkle tree of SHA-256 with blocks of 4096 bytes and no salt, as the
// kernel's Documentation/filesystems/fsverity.rst has it. It reads r to its end, which must be where size says.
func VerityDigest(r io.Reader, size int64) ([sha256.Size]byte, error) {
	var tree merkle
	read, err := tree.readFrom(r)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("cannot compute the fs-verity digest: %w", err)
	}
	if read != size {
		return [sha256.Size]byte{}, fmt.Errorf("cannot compute the fs-verity digest of %d bytes: there are %d", size, read)
	}
	return descriptor(size, tree.root()), nil
}

// descriptor hashes struct fsverity_descriptor: version, algorithm, logarithm of the block size, size of the salt, four
// bytes of 0, size of the data, 64 bytes for the root hash and zeros.
func descriptor(size int64, root [sha256.Size]byte) [sha256.Size]byte {
	var d [verityDescriptor]byte
	d[0], d[1], d[2] = 1, veritySHA256, verityLog
	binary.LittleEndian.PutUint64(d[8:], uint64(size))
	copy(d[16:], root[:])
	return sha256.Sum256(d[:])
}

// merkle is a tree that grows at its right: of each level, the lowest first, the block of hashes that is not full.
type merkle struct{ levels [][]byte }

func (m *merkle) readFrom(r io.Reader) (size int64, err error) {
	buf := make([]byte, 64*verityBlock)
	for {
		n, err := io.ReadFull(r, buf)
		size += int64(n)
		end := err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)
		clear(buf[n:])
		for at := 0; at < n; at += verityBlock {
			m.add(0, buf[at:at+verityBlock])
		}
		if end {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// add puts the hash of a block at the end of a level, and that of the level's block, once it is full, one level up.
func (m *merkle) add(level int, block []byte) {
	if level == len(m.levels) {
		m.levels = append(m.levels, make([]byte, 0, verityBlock))
	}
	sum := sha256.Sum256(block)
	m.levels[level] = append(m.levels[level], sum[:]...)
	if hashes := m.levels[level]; len(hashes) == verityBlock {
		m.levels[level] = hashes[:0]
		m.add(level+1, hashes)
	}
}

// root closes the tree, whose blocks that are not full end in zeros. That of an empty file is all zeros.
func (m *merkle) root() (sum [sha256.Size]byte) {
	for level := 0; level < len(m.levels); level++ {
		hashes := m.levels[level]
		if level == len(m.levels)-1 && len(hashes) == sha256.Size {
			copy(sum[:], hashes)
			return sum
		}
		if n := len(hashes); n > 0 {
			hashes = hashes[:verityBlock]
			clear(hashes[n:])
			m.levels[level] = hashes[:0]
			m.add(level+1, hashes)
		}
	}
	return sum
}
