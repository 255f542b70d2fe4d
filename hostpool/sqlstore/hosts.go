package sqlstore

import "strings"

// withHosts returns a statement with placeholders for the hosts, and their values.
func (s *Store) withHosts(statement string, hosts []string) (string, []any) {
	if s.dialect.array {
		return strings.ReplaceAll(statement, "{hosts}", "?"), []any{array(hosts)}
	}
	values := make([]any, len(hosts))
	for i, host := range hosts {
		values[i] = host
	}
	return strings.ReplaceAll(statement, "{hosts}", "?"+strings.Repeat(", ?", len(hosts)-1)), values
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// array returns the text of an array in PostgreSQL.
func array(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = `"` + escape.Replace(value) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
