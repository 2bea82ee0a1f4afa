/* What a passkey could not do, in words beside its button; allauth's scripts do the rest. */
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const said = document.getElementById("passkey-error");
  if (said) said.textContent = "No passkey was used. Try again, or go on without one.";
});
