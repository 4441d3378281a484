package dev.nexrootfs.registry;

/**
 * What is configured to be shown to one registry. Never printed.
 *
 * @param username empty where there is only a token
 * @param secret the password
 * @param identityToken an OAuth refresh token, or empty
 * @param registryToken a bearer token that the registry takes as it is, or empty
 */
record Credentials(String username, String secret, String identityToken, String registryToken) {
  static Credentials password(String username, String password) {
    return new Credentials(username, password, "", "");
  }

  @Override
  public String toString() {
    return "credentials";
  }
}
