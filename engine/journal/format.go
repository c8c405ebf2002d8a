package journal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

const (
	maxHeader   = 64 // no first line is longer
	maxFrame    = 32 // nor what stands before a record's JSON
	runMagic    = "agent0-converge journal "
	ledgerMagic = "agent0-converge ledger "
)

// header is the first line of a file.
func header(magic string) string { return magic + strconv.Itoa(Format) + "\n" }

// checkHeader returns the format that a first line names, and refuses one that is not known.
func checkHeader(path, magic, line string) (int, error) {
	number, named := strings.CutPrefix(line, magic)
	found, err := strconv.Atoi(number)
	if !named || err != nil || found < 1 || strconv.Itoa(found) != number {
		return 0, &DamagedError{Path: path, What: fmt.Sprintf("its first line is not %q", magic+strconv.Itoa(Format))}
	}
	if found > Format {
		return found, &NewerError{Path: path, Found: found, Known: Format}
	}
	return found, nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// frame appends r to b as one line.
func frame(b []byte, r record) ([]byte, error) {
	js, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	b = fmt.Appendf(b, "%08x %d ", checksum(js), len(js))
	return append(append(b, js...), '\n'), nil
}

// unframe returns the JSON of the record at the start of b and what follows its line. Where the
// record is whole and only the line's end is wrong, spoiled is true.
func unframe(b []byte) (js, after []byte, ok, spoiled bool) {
	sum, rest, _ := bytes.Cut(b[:min(len(b), maxFrame)], []byte(" "))
	size, _, framed := bytes.Cut(rest, []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	n, sizeErr := strconv.Atoi(string(size))
	start := len(sum) + len(size) + 2
	if !framed || err != nil || sizeErr != nil || len(sum) != 8 || n < 0 || n >= len(b)-start {
		return nil, nil, false, false
	}
	js, rest = b[start:start+n], b[start+n:]
	if checksum(js) != uint32(want) {
		return nil, nil, false, false
	}
	return js, rest[1:], rest[0] == '\n', rest[0] != '\n'
}

// parseRun returns the records of a run's file and how many of its bytes are whole. The last run
// may have been cut short while it wrote: there, what is bad and was never known to be durable is
// the end of the file, also where something good follows, as a disk may write the later of two
// pages alone. Anything else that is bad is damage.
func parseRun(path string, b []byte, last bool) ([]record, int64, error) {
	line, rest, whole := bytes.Cut(b, []byte("\n"))
	format, err := checkHeader(path, runMagic, string(line[:min(len(line), maxHeader)]))
	if err != nil || !whole {
		if _, newer := errors.AsType[*NewerError](err); !newer && last && !anyWhole(b) {
			return nil, 0, nil
		}
		return nil, 0, cmp.Or(err, error(&DamagedError{Path: path, What: "it ends in its first line"}))
	}
	var recs []record
	for len(rest) > 0 {
		at := int64(len(b) - len(rest))
		js, after, ok, spoiled := unframe(rest)
		if !ok {
			if !spoiled {
				after = rest
			}
			if last && !wasDurable(after, at, format) {
				return tail(recs, at)
			}
			return nil, 0, &DamagedError{Path: path, Offset: at, What: "a record does not match its checksum"}
		}
		r, err := decode(js)
		if err == nil && (r.Run != nil) != (len(recs) == 0) {
			err = errors.New("a run's file says first, and once, what the run was")
		}
		if err != nil {
			return nil, 0, &DamagedError{Path: path, Offset: at, What: err.Error()}
		}
		recs, rest = append(recs, r), after
	}
	return tail(recs, int64(len(b)))
}

// tail ends a file after size bytes. One with no record at all is as good as none.
func tail(recs []record, size int64) ([]record, int64, error) {
	if len(recs) == 0 {
		size = 0
	}
	return recs, size, nil
}

// wasDurable reports whether what a file has at an offset, before b, was durable once. Format 1 does
// not say: there, anything good in b tells.
func wasDurable(b []byte, at int64, format int) bool {
	if format == 1 {
		return anyWhole(b)
	}
	for len(b) > 0 {
		var r struct{ Synced int64 }
		if js, _, ok, spoiled := unframe(b); (ok || spoiled) && json.Unmarshal(js, &r) == nil && r.Synced > at {
			return true
		}
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return false
}

// anyWhole reports whether a line of b starts with a whole record.
func anyWhole(b []byte) bool {
	for len(b) > 0 {
		if _, _, ok, spoiled := unframe(b); ok || spoiled {
			return true
		}
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return false
}
