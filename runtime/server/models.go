package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// listed is a model as the API has it.
type listed struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func (s *Server) listed(id string) listed { return listed{id, "model", s.began.Unix(), "agent0"} }

// names are all names of the model.
func (s *Server) names() []string {
	cfg := s.cfg()
	return append([]string{cfg.Model}, cfg.Aliases...)
}

func (s *Server) models(v *visit) error {
	var all []listed
	for _, n := range s.names() {
		all = append(all, s.listed(n))
	}
	return v.send(http.StatusOK, encode(struct {
		Object string   `json:"object"`
		Data   []listed `json:"data"`
	}{"list", all}))
}

func (s *Server) model(v *visit) error {
	id := strings.TrimPrefix(v.r.URL.Path, "/v1/models/")
	for _, n := range s.names() {
		if n == id {
			return v.send(http.StatusOK, encode(s.listed(id)))
		}
	}
	return noModel(id)
}

// fingerprint changes when what computes does: the same seed may then give another answer.
func (s *Server) fingerprint() string {
	st := s.engine.Status()
	h := sha256.New()
	if st.Hello != nil {
		fmt.Fprintf(h, "%q %q", st.Hello.Version, st.Hello.Build)
	}
	if st.Ready != nil {
		fmt.Fprintf(h, "%q %q %q %d", st.Ready.Backend, st.Ready.Model.Path, st.Ready.Model.Description, st.Ready.Model.Size)
	}
	return "fp_" + hex.EncodeToString(h.Sum(nil))[:10]
}
