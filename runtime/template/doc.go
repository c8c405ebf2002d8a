// Package template renders the chat templates of models, which are written in Jinja, as Hugging Face's
// apply_chat_template does with Jinja2: the same text, byte for byte, for what such templates use.
//
// A template comes out of a model's file and is nobody's to trust. It sees data and nothing else: no files, no other
// templates, no Python, no attribute that begins with "_". What it may cost is bounded by work that is counted (fuel), by
// time, by the bytes of all that it builds, by the length of what it prints and by how deep it nests; whatever runs out first
// ends it with a [LimitError]. Numbers are 64 bits wide.
//
// Data cannot be changed by a template, as in Hugging Face's sandbox: append, pop, update and the like are refused. So no value
// can contain itself, but for a namespace.
//
// The language is described by https://jinja.palletsprojects.com/en/3.1.x/templates/; what differs on purpose is in
// docs/design/templates.md.
package template
