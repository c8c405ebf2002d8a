package firewalld

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// zoneFile is a zone's file (firewalld.zone(5)), as far as it matters here.
type zoneFile struct {
	zone
	settings
	// elements are the zone's own, in order; open is the tag that begins it.
	elements []element
	open     span
	// empty says that the zone has but one tag: <zone/>.
	empty bool
}

// span is a place in a file, in bytes.
type span struct{ start, end int }

// element is one of the elements right within a zone.
type element struct {
	span
	name string
	// port is a port's, rule a rich rule in the words that firewalld has for it; "" for one that is not ours.
	port *portEntry
	rule string
}

// parseZone reads a zone's file.
func parseZone(b []byte) (*zoneFile, error) {
	f := &zoneFile{}
	d := xml.NewDecoder(bytes.NewReader(b))
	depth, start := 0, 0
	var inside []xml.StartElement // the elements of the present element of the zone, itself first
	for ; ; start = int(d.InputOffset()) {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch depth {
			case 0:
				if err := f.begin(token, span{start, int(d.InputOffset())}, b); err != nil {
					return nil, err
				}
			case 1:
				f.elements = append(f.elements, element{span: span{start: start}, name: token.Name.Local})
				inside = nil
				fallthrough
			default:
				inside = append(inside, token.Copy())
			}
			depth++
		case xml.EndElement:
			if depth--; depth == 1 {
				f.end(int(d.InputOffset()), inside)
			}
		}
	}
	if f.open.end == 0 {
		return nil, errors.New("it has no zone")
	}
	return f, nil
}

// begin notes the tag of the zone itself.
func (f *zoneFile) begin(e xml.StartElement, at span, b []byte) error {
	if e.Name.Local != "zone" || f.open.end != 0 {
		return fmt.Errorf("it has an element %s where only one zone is expected", e.Name.Local)
	}
	f.open, f.empty = at, bytes.HasSuffix(b[at.start:at.end], []byte("/>"))
	f.decided = decides(attribute(e, "target"))
	return nil
}

// end notes what an element of the zone says.
func (f *zoneFile) end(at int, inside []xml.StartElement) {
	e, tag := &f.elements[len(f.elements)-1], inside[0]
	e.span.end = at
	switch e.name {
	case "interface":
		f.interfaces = append(f.interfaces, attribute(tag, "name"))
	case "source":
		if set := attribute(tag, "ipset"); set != "" {
			f.sources = append(f.sources, "ipset:"+set)
		} else {
			f.sources = append(f.sources, attribute(tag, "address"))
		}
	case "port":
		if r, ok := parsePorts(attribute(tag, "port")); ok {
			e.port = &portEntry{r, attribute(tag, "protocol")}
			f.ports = append(f.ports, *e.port)
		}
	case "rule":
		if e.rule = ruleText(inside); e.rule != "" {
			f.rules = append(f.rules, e.rule)
		}
	}
}

// attribute is the value of one that an element has, "" of one that it has not.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// ruleText is a rule in firewalld's words, from its elements in whatever order, or "" where it has one, or an
// attribute, that no rule of ours has.
func ruleText(elements []xml.StartElement) string {
	var family, source, port, action, limit string
	for _, e := range elements {
		known := 0
		take := func(name, format string) string {
			value := attribute(e, name)
			if value == "" {
				return ""
			}
			known++
			return fmt.Sprintf(format, value)
		}
		switch e.Name.Local {
		case "rule":
			family = take("family", " family=%q")
			if attribute(e, "priority") == "0" {
				known++
			}
		case "source":
			source += take("address", " source address=%q")
		case "port":
			port += take("port", " port port=%q") + take("protocol", " protocol=%q")
		case "accept":
			action += " accept"
		case "limit":
			limit += take("value", " limit value=%q")
		default:
			return ""
		}
		if known != len(e.Attr) {
			return ""
		}
	}
	text := "rule" + family + source + port + action + limit
	if _, ok := parseRich(text); !ok || strings.Count(text, " accept") != 1 {
		return ""
	}
	return text
}
