package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"time"
)

// newAuthority makes a certificate authority for this run, and a certificate by
// it for the loopback address. Nothing of them is stored.
func newAuthority() (ca []byte, leaf tls.Certificate, err error) {
	caKey, err := newKey()
	if err != nil {
		return nil, leaf, err
	}
	root := template("bench CA")
	root.IsCA = true
	root.BasicConstraintsValid = true
	root.KeyUsage = x509.KeyUsageCertSign
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, leaf, err
	}
	leafKey, err := newKey()
	if err != nil {
		return nil, leaf, err
	}
	site := template("bench server")
	site.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	site.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leafDER, err := x509.CreateCertificate(rand.Reader, site, root, &leafKey.PublicKey, caKey)
	if err != nil {
		return nil, leaf, err
	}
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})
	return ca, tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}, nil
}

// newKey returns a key of the kind that most sites have.
func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // in case the clock is set back
		NotAfter:     now.Add(24 * time.Hour),
	}
}

// trusting returns a TLS configuration that trusts only the authority.
func trusting(ca []byte) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("the server's CA is not a certificate")
	}
	return &tls.Config{RootCAs: roots}, nil
}

// trustByDefault makes http.DefaultTransport trust the authority, and so every
// client that clones it from then on.
func trustByDefault(ca []byte) error {
	config, err := trusting(ca)
	if err != nil {
		return err
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return errors.New("http.DefaultTransport is not an http.Transport")
	}
	transport.TLSClientConfig = config
	return nil
}
