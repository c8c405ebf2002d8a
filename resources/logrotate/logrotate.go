// Package logrotate manages one rule of logrotate(8): a file in /etc/logrotate.d.
package logrotate

import (
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/internal/place"
)

// Spec is a rule of logrotate: a file in /etc/logrotate.d, of root and with mode 0644, as logrotate
// skips any other. The whole file is the plan's. What the block leaves out is as /etc/logrotate.conf
// says, but for missing_ok and if_empty.
type Spec struct {
	// Label is what references call the block by.
	Label string `hcl:"label,label" diff:"-"`
	// Name is that of the file in /etc/logrotate.d. Left out, it is the block's label.
	Name string `hcl:"name,optional"`
	// Paths are the logs, or shell patterns of logs: ["/var/log/agent0/*.log"]. A log belongs to one
	// rule only.
	Paths []string `hcl:"paths,optional"`
	// Every is how often: hourly, daily, weekly, monthly or yearly. Hourly needs something that runs
	// logrotate each hour.
	Every string `hcl:"every,optional"`
	// Size rotates a log whenever it is at least so large, whatever its age: "100k", "10M", "1GiB".
	// It takes the place of every; for both, there is maxsize.
	Size string `hcl:"size,optional"`
	// MinSize keeps a smaller log from being rotated though it is time.
	MinSize string `hcl:"minsize,optional"`
	// MaxSize rotates a larger log before it is time.
	MaxSize string `hcl:"maxsize,optional"`
	// MaxAge removes rotated logs that are older, in days.
	MaxAge *int `hcl:"maxage,optional"`
	// Keep is how many rotated logs stay. With 0 a log is removed instead of rotated; with -1 all stay.
	Keep *int `hcl:"keep,optional"`
	// Compress packs rotated logs with gzip.
	Compress *bool `hcl:"compress,optional"`
	// DelayCompress packs a rotated log one time later, as programs may still write to it. Left out,
	// it is true where compress is.
	DelayCompress *bool `hcl:"delaycompress,optional"`
	// Create makes a new empty log in the place of the rotated one.
	Create *Create `hcl:"create,block"`
	// Su is the user and the group that rotate, as in "agent0 adm". A folder that others than root
	// may write to needs it.
	Su string `hcl:"su,optional"`
	// CopyTruncate copies the log and empties it in place, for a program that cannot be told to open
	// it again. What is written meanwhile is lost.
	CopyTruncate *bool `hcl:"copytruncate,optional"`
	// MissingOK says that a log which is not there is no error. Left out, it is true.
	MissingOK *bool `hcl:"missing_ok,optional"`
	// IfEmpty rotates empty logs too. Left out, it is false.
	IfEmpty *bool `hcl:"if_empty,optional"`
	// DateExt names rotated logs by their date instead of by a number.
	DateExt *bool `hcl:"dateext,optional"`
	// SharedScripts runs the scripts once for all logs of the rule instead of once for each.
	SharedScripts *bool `hcl:"sharedscripts,optional"`
	// PreRotate is what a shell runs before a log is rotated: lines, or a text of lines.
	PreRotate engine.List `hcl:"prerotate,optional"`
	// PostRotate is what a shell runs after a log was rotated, such as what makes a program open its
	// log again.
	PostRotate engine.List `hcl:"postrotate,optional"`
	// OldDir is the folder that rotated logs go to: absolute, or relative to that of the log. It must
	// be there, on the same file system.
	OldDir string `hcl:"olddir,optional"`

	// Raw is the file as found, which undo brings back.
	Raw *engine.Text `record:"raw"`
	// Owner, Group and Mode are the file's, as found.
	Owner string `record:"owner"`
	Group string `record:"group"`
	Mode  string `record:"mode"`
	// Xattrs are the extended attributes as found, which undo brings back.
	Xattrs map[string][]byte `record:"xattrs"`

	info   host.Info
	absent bool
}

// Create says whose a new log is.
type Create struct {
	// Mode of the log, octal. Left out, it is that of the log before.
	Mode string `hcl:"mode,optional"`
	// Owner is a user's name or number. Left out, it is that of the log before.
	Owner string `hcl:"owner,optional"`
	// Group is a group's name or number. Left out, it is that of the log before.
	Group string `hcl:"group,optional"`
}

// String is c in words.
func (c Create) String() string {
	if c == (Create{}) {
		return "(like the log before)"
	}
	return c.words()
}

// words is c as logrotate writes it.
func (c Create) words() string {
	return strings.Join(strings.Fields(c.Mode+" "+c.Owner+" "+c.Group), " ")
}

// dir is where rules are.
const dir = "/etc/logrotate.d"

func (s *Spec) path() string { return dir + "/" + s.Name }

// Absent tells that the rule is to go: its name is all that must be said.
func (s *Spec) Absent() { s.absent = true }

// Default takes the name from the label and brings what is said to one form.
func (s *Spec) Default() {
	if s.Name == "" {
		s.Name = s.Label
	}
	s.Label = ""
	if s.absent {
		return
	}
	for _, size := range []*string{&s.Size, &s.MinSize, &s.MaxSize} {
		*size = shortSize(*size)
	}
	s.Su = strings.Join(strings.Fields(s.Su), " ")
	s.PreRotate, s.PostRotate = lines(s.PreRotate), lines(s.PostRotate)
	if s.Create != nil {
		s.Create.Mode = place.Mode(s.Create.Mode)
	}
	for _, b := range []struct {
		value    **bool
		fallback bool
	}{{&s.MissingOK, true}, {&s.IfEmpty, false}, {&s.DelayCompress, true}} {
		if *b.value == nil && (b.value != &s.DelayCompress || s.Compress != nil && *s.Compress) {
			*b.value = &b.fallback
		}
	}
}

// shortSize is a size in logrotate's own units: "10MiB" is "10M".
func shortSize(s string) string {
	if n, ok := strings.CutSuffix(s, "iB"); ok {
		s = n
	}
	if n, ok := strings.CutSuffix(s, "K"); ok {
		s = n + "k"
	}
	return s
}

// lines takes texts of many lines apart.
func lines(l engine.List) engine.List {
	var out engine.List
	for _, text := range l {
		out = append(out, strings.Split(strings.TrimRight(text, "\n"), "\n")...)
	}
	return out
}

// Claims are the file and, so that no two rules of plans have the same, the logs.
func (s *Spec) Claims() []engine.Claim {
	out := []engine.Claim{place.Claim(s.path())}
	for _, p := range s.Paths {
		out = append(out, engine.Claim("log:"+p))
	}
	return out
}

// Needs are the folders and the accounts that the rule names.
func (s *Spec) Needs() []engine.Claim {
	out := place.Needs(s.path(), place.Attributes{})
	for _, p := range s.Paths {
		if !isPattern(folder(p)) {
			out = append(out, place.Claim(folder(p)))
		}
	}
	if strings.HasPrefix(s.OldDir, "/") {
		out = append(out, place.Claim(s.OldDir))
	}
	for _, a := range s.accounts() {
		out = append(out, place.Needs("/", a)...)
	}
	return out
}

// Implies is the folder of the rules.
func (s *Spec) Implies() []engine.Declared { return directory.ImpliedBy(s.path()) }

// accounts are those that the rule names.
func (s *Spec) accounts() []place.Attributes {
	var out []place.Attributes
	if user, group, ok := strings.Cut(s.Su, " "); ok {
		out = append(out, place.Attributes{Owner: user, Group: group})
	}
	if s.Create != nil {
		out = append(out, place.Attributes{Owner: s.Create.Owner, Group: s.Create.Group})
	}
	return out
}
