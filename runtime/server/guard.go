package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// guard decides who may ask.
type guard struct {
	keys    Keys
	hosts   []string // in lower case
	origins []string
}

func newGuard(listen string, hosts, origins []string, keys Keys) *guard {
	g := &guard{keys: keys, hosts: []string{"localhost", "127.0.0.1", "::1"}}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		g.hosts = append(g.hosts, canonical(host))
	}
	for _, h := range hosts {
		g.hosts = append(g.hosts, canonical(h))
	}
	for _, o := range origins {
		g.origins = append(g.origins, strings.ToLower(strings.TrimSuffix(o, "/")))
	}
	return g
}

// host says whether the server may be called by this name. A page whose name was bound anew to our address (DNS
// rebinding) sends its own name. An address is never such a name: that which the client connected to is fine.
func (g *guard) host(r *http.Request) bool {
	name, ok := hostname(r.Host)
	if !ok {
		return false
	}
	if slices.Contains(g.hosts, name) {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap() == local.AddrPort().Addr().Unmap().WithZone("")
}

// hostname is the name in a Host header, without its port.
func hostname(host string) (string, bool) {
	name := host
	if strings.HasPrefix(host, "[") || strings.Count(host, ":") == 1 {
		h, port, err := net.SplitHostPort(host)
		switch {
		case err == nil && !digits(port):
			return "", false
		case err == nil:
			name = h
		case strings.HasSuffix(host, "]"):
			name = host[1 : len(host)-1]
		default:
			return "", false
		}
	}
	name = canonical(name)
	return name, name != ""
}

func digits(s string) bool {
	return s != "" && len(s) <= 5 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// canonical is a name in lower case, without the dot of the root.
func canonical(name string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
}

// origin says whether the page that asks may. Programs send none.
func (g *guard) origin(r *http.Request) bool {
	all := r.Header.Values("Origin")
	if len(all) == 0 {
		return true
	}
	return len(all) == 1 && slices.Contains(g.origins, strings.ToLower(all[0]))
}

// key says whether the request has a key.
func (g *guard) key(r *http.Request) bool {
	all := r.Header.Values("Authorization")
	if len(all) != 1 {
		return false
	}
	scheme, key, _ := strings.Cut(all[0], " ")
	return strings.EqualFold(scheme, "Bearer") && g.keys.has(strings.TrimSpace(key))
}

// check refuses who may not ask, and lets pages that may read the answer.
func (g *guard) check(w http.ResponseWriter, r *http.Request) *failure {
	if !g.host(r) {
		return &failure{status: http.StatusForbidden, kind: permission, code: "host_not_allowed",
			message: "the server does not go by this name: ask by its address, or add the name to its hosts"}
	}
	if !g.origin(r) {
		return &failure{status: http.StatusForbidden, kind: permission, code: "origin_not_allowed",
			message: "pages of this origin may not ask: add it to the server's origins"}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		h.Set("Vary", "Origin")
	}
	return nil
}

// preflight answers a page that asks whether it may, and reports whether that was the question.
func preflight(w http.ResponseWriter, r *http.Request, methods string) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", methods)
	// The origin has been found to be one of ours: it may send what it likes, as the clients' own headers differ.
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
